import CLinux
import HostTools
import Testing

@testable import LinuxSystem

@Suite struct FileDescriptorTests {
    private func read(_ file: FileDescriptor, _ count: Int) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        let got: Result<Int?, Errno> = buffer.withUnsafeMutableBytes { bytes in
            do throws(Errno) { return .success(try file.read(into: bytes)) } catch { return .failure(error) }
        }
        return try got.get().map { Array(buffer[..<$0]) }
    }

    @Test func whatGoesIntoAPipeComesOutAndThenItEnds() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        try writeEnd.writeAll([1, 2, 3, 4])
        writeEnd.close()
        #expect(try read(readEnd, 3) == [1, 2, 3])
        #expect(try read(readEnd, 3) == [4])
        #expect(try read(readEnd, 3) == [])
    }

    @Test func aNonBlockingReadOfNothingIsNilAndTheEndIsNot() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        try readEnd.setNonBlocking()
        #expect(try read(readEnd, 10) == nil)
        writeEnd.close()
        #expect(readEnd.waitUntilHungUp())
        #expect(try read(readEnd, 10) == [])
    }

    @Test func aNonBlockingWriteTakesWhatFitsAndThenNothing() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer {
            readEnd.close()
            writeEnd.close()
        }
        try writeEnd.setNonBlocking()
        let chunk = [UInt8](repeating: 7, count: 4096)
        var total = 0
        while let count = try chunk.withUnsafeBytes({ try writeEnd.write($0) }) { total += count }
        #expect(total >= 4096)
        var received = 0
        while received < total { received += try read(readEnd, 1 << 16)?.count ?? 0 }
        #expect(received == total)
    }

    @Test func allOfALongWriteArrivesHoweverSmallTheReads() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        var random = SeededGenerator(seed: 3)
        let bytes = random.bytes(300_000)
        let copy = try TemporaryDirectory()
        var program = Program("/bin/sh", ["-c", "cat > '\(copy.path)/copy'"], environment: ["PATH=/bin:/usr/bin"])
        program.standardInput = readEnd
        let child = try program.start()
        defer { child.pidfd.close() }
        try writeEnd.writeAll(bytes)
        writeEnd.close()
        #expect(child.pidfd.waitUntilReadable(milliseconds: 60_000))
        #expect(child.end() == .exited(0))
        #expect(try copy.read("copy") == bytes)
    }

    @Test func packetsKeepTheirBoundaries() throws {
        let (one, other) = try FileDescriptor.packetPair()
        defer { one.close() }
        try one.writeAll([1])
        try one.writeAll([2, 3])
        #expect(try read(other, 10) == [1])
        #expect(try read(other, 10) == [2, 3])
        try other.writeAll([4])
        other.close()
        #expect(try read(one, 10) == [4])
        #expect(try read(one, 10) == [])
    }

    @Test func everyDescriptorIsClosedOnExec() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        let (one, other) = try FileDescriptor.packetPair()
        let file = try FileDescriptor.open("/dev/null", .readWrite)
        let open = [readEnd, writeEnd, one, other, file]
        defer { for descriptor in open { descriptor.close() } }
        for descriptor in open {
            let information = try Tool.run("cat", "/proc/\(getpid())/fdinfo/\(descriptor.rawValue)").lines
            let flags = try #require(information.first { $0.hasPrefix("flags:") }?.split(separator: "\t").last)
            // O_CLOEXEC
            #expect(try #require(Int(flags, radix: 8)) & 0o2000000 != 0)
        }
    }

    @Test func waitingEndsWithDataWithTheEndOrWithTheTime() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        #expect(!readEnd.waitUntilReadable(milliseconds: 0))
        try writeEnd.writeAll([1])
        #expect(readEnd.waitUntilReadable(milliseconds: -1))
        _ = try read(readEnd, 1)
        writeEnd.close()
        #expect(readEnd.waitUntilReadable(milliseconds: -1))
    }

    @Test func openingSaysWhatTheSystemSays() throws {
        #expect(throws: Errno.noSuchFile) { try FileDescriptor.open("/nonexistent", .read) }
        #expect(throws: Errno(ENOTDIR)) { try FileDescriptor.open("/proc/version", .directory) }
        #expect(throws: Errno(EISDIR)) { try FileDescriptor.open("/tmp", .write) }
        #expect(throws: Errno(EBADF)) { try FileDescriptor(rawValue: -1).writeAll([1]) }
        #expect(throws: Errno(EBADF)) { try FileDescriptor(rawValue: -1).setNonBlocking() }
    }

    @Test func anErrnoIsReadInTheSystemsWords() {
        #expect(Errno.noSuchFile.description == "No such file or directory (errno 2)")
        #expect(Errno.wouldBlock.code == EAGAIN)
    }

    @Test func durationsAreReadableByPeople() {
        #expect(Uptime.text(0) == "0.00 s")
        #expect(Uptime.text(1_254_999) == "1.25 s")
        #expect(Uptime.text(50_000) == "0.05 s")
        #expect(Uptime.text(61_000_000) == "61.00 s")
        let before = Uptime.microseconds
        #expect(Uptime.microseconds >= before)
    }
}
