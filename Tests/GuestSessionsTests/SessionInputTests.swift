import CLinux
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

/// The input of a process that reads from a ring.
@Suite struct SessionInputTests {
    private let loop: Watcher
    private let process: SessionProcess

    init() throws {
        loop = try Watcher()
        process = try SessionProcess.start(.ring, group: nil) { () throws(SessionStartFailure) in Program("/bin/sleep", ["600"]) }.started()
    }

    private func end() {
        process.child.signalGroup(SIGKILL)
        #expect(process.child.pidfd.waitUntilReadable(milliseconds: 60_000))
        #expect(process.child.end() == .signaled(UInt8(SIGKILL)))
    }

    @Test func aProcessThatReadsNothingTakesAsMuchAsTheRingAndItsEndIsSeen() throws {
        var input = SessionInput(process)
        input.append([UInt8](repeating: 7, count: 2_136 << 10)[...])
        #expect(input.write(loop, .input(1)) == 2_048 << 10)
        #expect(input.count == 88 << 10)
        #expect(loop.wait(milliseconds: 0).isEmpty)
        end()
        // Nobody looks before the bell has rung.
        #expect(input.write(loop, .input(1)) == 0 && input.descriptor != nil)
        #expect(loop.wait(milliseconds: 60_000).map(\.source) == [.input(1)])
        #expect(input.write(loop, .input(1), isReady: true) == 88 << 10)
        #expect(input.descriptor == nil && input.isEnded)
    }

    @Test func itsMemoryIsThatOfTheProcess() throws {
        let memory = try FileDescriptor.open("/proc/\(process.child.identifier)/fd/2", .readWrite)
        defer { memory.close() }
        var input = SessionInput(process)
        input.append([1, 2, 3])
        #expect(input.write(loop, .input(1)) == 3)
        let (bell, _) = try FileDescriptor.packetPair()
        let ring = try SharedRing(memory)
        #expect(try ring.next(bell: bell).map(Array.init) == [1, 2, 3])
        try ring.take(3, bell: bell)
        end()
    }

    @Test func moreThanTheRingHoldsFollowsWhenThereIsRoom() throws {
        let (ours, theirs) = try FileDescriptor.packetPair()
        try ours.setNonBlocking()
        let (ring, memory) = try SharedRing.make(capacity: 512 << 10)
        let reader = try SharedRing(memory)
        var own = process
        (own.input, own.inputRing) = (ours, ring)
        var input = SessionInput(own)
        input.append([UInt8](repeating: 7, count: 600 << 10)[...])
        #expect(input.write(loop, .input(1)) == 512 << 10)
        for _ in 0..<3 { try reader.take(try #require(try reader.next(bell: theirs)).count, bell: theirs) }
        #expect(loop.wait(milliseconds: 60_000).map(\.source) == [.input(1)])
        #expect(input.write(loop, .input(1), isReady: true) == 88 << 10)
        input.end()
        #expect(input.write(loop, .input(1)) == 0)
        #expect(input.descriptor == nil)
        end()
    }
}
