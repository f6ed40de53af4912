import CLinux
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

/// A pipe of a command, and a socket pair in place of a link's device.
@Suite struct ConduitTests {
    private final class Ends {
        let pipe: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
        let device: FileDescriptor
        let host: FileDescriptor

        init() throws {
            pipe = try FileDescriptor.pipe()
            pipe.readEnd.setPipeCapacity(256 << 10)
            var pair: [CInt] = [-1, -1]
            try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
            (device, host) = (FileDescriptor(rawValue: pair[0]), FileDescriptor(rawValue: pair[1]))
            for end in [pipe.readEnd, device, host] { try end.setNonBlocking() }
        }

        deinit { for end in [pipe.readEnd, pipe.writeEnd, device, host] { end.close() } }

        /// All that the host's end has now.
        func arrived() throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let piece = try host.read(upTo: 64 << 10), !piece.isEmpty { bytes += piece }
            return bytes
        }
    }

    private static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    @Test func whatThePipeHasComesOutAtTheDeviceInOrder() throws {
        let ends = try Ends()
        var conduit = Conduit()
        defer { conduit.close() }
        let sent = Self.bytes(200_000)
        try ends.pipe.writeEnd.writeAll(sent)
        var arrived: [UInt8] = []
        var wasFull = false
        while arrived.count < sent.count {
            if conduit.count == 0 { #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 70_000) > 0) }
            try conduit.empty(into: ends.device)
            wasFull = wasFull || conduit.count > 0
            arrived += try ends.arrived()
        }
        #expect(arrived == sent)
        #expect(conduit.count == 0)
    }

    @Test func aDeviceThatTakesNoMoreLeavesTheRest() throws {
        let ends = try Ends()
        var size: CInt = 4 << 10
        setsockopt(ends.device.rawValue, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        var conduit = Conduit()
        defer { conduit.close() }
        let sent = Self.bytes(100_000)
        try ends.pipe.writeEnd.writeAll(sent)
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 100_000) == 100_000)
        try conduit.empty(into: ends.device)
        #expect(conduit.count > 0)
        // Nothing comes between.
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 100_000) == 0)
        var arrived = try ends.arrived()
        while conduit.count > 0 {
            try conduit.empty(into: ends.device)
            arrived += try ends.arrived()
        }
        #expect(arrived == sent)
    }

    @Test func anEmptyPipeAndOneAtItsEndGiveNothing() throws {
        let ends = try Ends()
        var conduit = Conduit()
        defer { conduit.close() }
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 1000) == 0)
        let ended = try FileDescriptor.pipe()
        ended.writeEnd.close()
        #expect(ended.readEnd.waitUntilHungUp())
        #expect(conduit.fill(from: ended.readEnd, upTo: 1000) == 0)
        ended.readEnd.close()
        #expect(conduit.isUsable)
        try conduit.empty(into: ends.device)
        #expect(try ends.arrived() == [])
    }

    @Test func whatADeviceWillNotHaveIsTakenBackWhole() throws {
        let ends = try Ends()
        let directory = try TemporaryDirectory()
        // A file that is open to be added to has no place to which bytes could be moved: EINVAL.
        let file = FileDescriptor(rawValue: linux_open("\(directory.path)/log", O_WRONLY | O_CREAT | O_APPEND, 0o600))
        try #require(file.rawValue >= 0)
        defer { file.close() }
        var conduit = Conduit()
        defer { conduit.close() }
        let sent = Self.bytes(150_000)
        try ends.pipe.writeEnd.writeAll(sent)
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 150_000) == 150_000)
        #expect(throws: Errno.invalid) { try conduit.empty(into: file) }
        #expect(try conduit.takeBack() == sent)
        #expect(conduit.count == 0)
        #expect(!conduit.isUsable)
        try ends.pipe.writeEnd.writeAll([1])
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 1) == 0)
    }

    @Test func whatItHadWhenTheLinkWasLostIsNotTheNextLinks() throws {
        let ends = try Ends()
        var conduit = Conduit()
        defer { conduit.close() }
        try ends.pipe.writeEnd.writeAll([1, 2, 3])
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 3) == 3)
        conduit.close()
        try ends.pipe.writeEnd.writeAll([4])
        #expect(conduit.fill(from: ends.pipe.readEnd, upTo: 3) == 1)
        try conduit.empty(into: ends.device)
        #expect(try ends.arrived() == [4])
    }
}
