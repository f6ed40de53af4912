import CLinux
import HostTools
import Testing

@testable import LinuxSystem

@Suite struct EventPollTests {
    @Test func nothingIsReadyWhereNothingIsWatched() throws {
        #expect(try EventPoll().wait(milliseconds: 0).isEmpty)
    }

    @Test(arguments: [0, 1, 0xFFFF_FFFF, UInt64.max, 0x0123_4567_89AB_CDEF]) func anEventComesWithItsKeyWhole(_ key: UInt64) throws {
        let poll = try EventPoll()
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer {
            readEnd.close()
            writeEnd.close()
        }
        try poll.add(readEnd, .readable, key: key)
        #expect(poll.wait(milliseconds: 0).isEmpty)
        try writeEnd.writeAll([1])
        let events = poll.wait(milliseconds: 60_000)
        #expect(events.map(\.key) == [key])
        #expect(events.map(\.ready) == [.readable])
        // Level-triggered: it is still ready.
        #expect(poll.wait(milliseconds: 0).count == 1)
    }

    @Test func aWatchCanBeChangedAndEnded() throws {
        let poll = try EventPoll()
        let (one, other) = try FileDescriptor.packetPair()
        defer {
            one.close()
            other.close()
        }
        try poll.add(one, .readable, key: 1)
        #expect(poll.wait(milliseconds: 0).isEmpty)
        try poll.modify(one, [.readable, .writable], key: 2)
        #expect(poll.wait(milliseconds: 60_000).map(\.ready) == [.writable])
        try other.writeAll([1])
        let both = poll.wait(milliseconds: 60_000)
        #expect(both.map(\.ready) == [[.readable, .writable]])
        #expect(both.map(\.key) == [2])
        poll.remove(one)
        #expect(poll.wait(milliseconds: 0).isEmpty)
        // A descriptor may be watched again after that.
        try poll.add(one, .writable, key: 3)
        #expect(poll.wait(milliseconds: 60_000).map(\.key) == [3])
    }

    @Test func theOthersEndIsReportedWhateverIsWatchedFor() throws {
        let poll = try EventPoll()
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        try poll.add(readEnd, [], key: 9)
        writeEnd.close()
        let events = poll.wait(milliseconds: 60_000)
        #expect(events.map(\.key) == [9])
        #expect(events[0].ready.contains(.hangUp))
    }

    @Test func aProcessesEndMakesItsPidfdReadable() throws {
        let poll = try EventPoll()
        let child = try Program("/bin/true").start()
        defer { child.pidfd.close() }
        try poll.add(child.pidfd, .readable, key: 5)
        #expect(poll.wait(milliseconds: 60_000).map(\.key) == [5])
        #expect(child.end() == .exited(0))
    }

    @Test func manyDescriptorsTakeTurnsThroughASmallBuffer() throws {
        let poll = try EventPoll()
        var open: [FileDescriptor] = []
        defer { for descriptor in open { descriptor.close() } }
        for key in 0..<100 {
            let (readEnd, writeEnd) = try FileDescriptor.pipe()
            open += [readEnd, writeEnd]
            try poll.add(readEnd, .readable, key: UInt64(key))
            try writeEnd.writeAll([1])
        }
        var seen: Set<UInt64> = []
        // Ready ones come round in turn, so that a few rounds see all.
        for _ in 0..<20 { seen.formUnion(poll.wait(milliseconds: 0).map(\.key)) }
        #expect(seen == Set((0..<100).map { UInt64($0) }))
    }

    @Test func whatCannotBeWatchedSaysWhy() throws {
        let poll = try EventPoll()
        let directory = try TemporaryDirectory()
        let file = try FileDescriptor.open(directory.write("file", ""), .read)
        defer { file.close() }
        #expect(throws: Errno(EPERM)) { try poll.add(file, .readable, key: 1) }
        #expect(throws: Errno(EBADF)) { try poll.add(FileDescriptor(rawValue: -1), .readable, key: 1) }
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer {
            readEnd.close()
            writeEnd.close()
        }
        #expect(throws: Errno.noSuchFile) { try poll.modify(readEnd, .readable, key: 1) }
        try poll.add(readEnd, .readable, key: 1)
        #expect(throws: Errno.exists) { try poll.add(readEnd, .readable, key: 2) }
    }
}
