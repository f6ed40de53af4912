import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite struct WatcherTests {
    private let watcher: Watcher

    init() throws { watcher = try Watcher() }

    private func ready() -> [EventSource] { watcher.wait(milliseconds: 0).map(\.source) }

    /// A pipe in which a byte waits.
    private func readablePipe() throws -> FileDescriptor {
        let pipe = try FileDescriptor.pipe()
        try pipe.writeEnd.writeAll([1])
        pipe.writeEnd.close()
        try #require(pipe.readEnd.waitUntilHungUp())
        return pipe.readEnd
    }

    @Test func whatIsWatchedIsReportedAsOftenAsItIsReady() throws {
        let pipe = try readablePipe()
        watcher.watch(pipe, .readable, .output(1))
        #expect(ready() == [.output(1)])
        #expect(ready() == [.output(1)])
        watcher.close(pipe)
        #expect(ready() == [])
    }

    @Test func onlyTheLastWishOfATurnCounts() throws {
        let pipe = try readablePipe()
        watcher.watch(pipe, .readable, .output(1))
        watcher.watch(pipe, [], .output(1))
        #expect(ready() == [])
        watcher.watch(pipe, .readable, .output(1))
        #expect(ready() == [.output(1)])
        watcher.watch(pipe, [], .output(1))
        watcher.watch(pipe, .readable, .output(2))
        #expect(ready() == [.output(2)])
        // At its end it is always ready to say so: not to whoever wants nothing of it.
        watcher.watch(pipe, [], .output(2))
        #expect(ready() == [])
        watcher.close(pipe)
    }

    @Test func aNumberThatIsUsedAgainIsTheNewOnes() throws {
        let old = try readablePipe()
        watcher.watch(old, .readable, .output(1))
        #expect(ready() == [.output(1)])
        watcher.watch(old, [], .output(1))
        watcher.close(old)
        let new = try readablePipe()
        watcher.watch(new, .readable, .output(2))
        #expect(ready() == [.output(2)])
        watcher.watch(new, .writable, .output(2))
        watcher.close(new)
        let third = try readablePipe()
        #expect(ready() == [])
        watcher.watch(third, .readable, .output(3))
        #expect(ready() == [.output(3)])
        watcher.close(third)
    }

    @Test func whatIsClosedInTheTurnInWhichItCameIsForgotten() throws {
        let pipe = try readablePipe()
        watcher.watch(pipe, .readable, .output(1))
        watcher.close(pipe)
        #expect(ready() == [])
    }
}
