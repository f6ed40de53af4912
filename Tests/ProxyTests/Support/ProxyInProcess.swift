import Logging
import NIOCore
import NIOPosix

@testable import Proxy

/// The proxy's core in this process, with limits and parts of a test's own; a guest "a" is expected. Gone at the end.
final class ProxyInProcess {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let core: NIOLoopBound<ProxyCore>

    /// - Parameter makeBusyPoll: is called on the event loop.
    init(
        _ workspace: Workspace, _ limits: ProxyLimits = ProxyLimits(), makeBusyPoll: @escaping @Sendable () -> BusyPoll? = { nil }
    ) throws {
        let loop = group.next()
        var configuration = ProxyConfiguration(directory: workspace.directory)
        configuration.guests = ["a"]
        configuration.limits = limits
        core = try loop.submit { [configuration] in
            let core = ProxyCore(
                configuration, eventLoop: loop, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                busyPoll: makeBusyPoll())
            try core.begin()
            return NIOLoopBound(core, eventLoop: loop)
        }.wait()
    }

    deinit {
        try? core.eventLoop.submit { [core] in core.value.removeAll() }.wait()
        try? group.syncShutdownGracefully()
    }

    /// What `body` says on the event loop.
    func ask<Value: Sendable>(_ body: @escaping @Sendable (ProxyCore) -> Value) throws -> Value {
        try core.eventLoop.submit { [core] in body(core.value) }.wait()
    }
}
