import ArgumentParser
import Foundation
import Logging
import NIOCore
import Proxy
import ServiceLifecycle
import UnixSignals

/// `vm-proxy [serve]`: the daemon.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve a directory (what vm-proxy does without a subcommand).")

    @Option(help: ArgumentHelp("Where the socket files are.", valueName: "dir"))
    var directory = "."

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How long a client waits for a guest that is still booting, and for its answer (15 s at least).", valueName: "seconds"))
    var wait = 120

    @Option(
        name: .customLong("guest"),
        help: ArgumentHelp("Expect this guest, though nobody registers it: its sockets are there from the start.", valueName: "name"))
    var guests: [String] = []

    @Option(
        name: .customLong("raw"),
        help: ArgumentHelp("This guest has no agent: what connects is a plain shell, for one client at a time.", valueName: "name"))
    var rawGuests: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Let registered guests connect by vsock, too, at this port; the agent takes 23.", valueName: "port"))
    var vsockPort: UInt32?

    @Option(
        name: .customLong("allow-uid"),
        help: ArgumentHelp(
            "Let this user's processes use the sockets, beside this one's and root's. It gets root shells.", valueName: "uid"))
    var allowedUsers: [UInt32] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Bytes in all that may wait for clients and guests which do not take them, in MiB.", valueName: "mib"))
    var maxBuffered = ProxyLimits().bytesInAll >> 20

    @Flag(help: "End with the last guest that was registered, or after 10 s when there is none.")
    var exitWhenIdle = false

    @Option(help: "How much to log on the standard error: trace, debug, info, notice, warning, error, critical.")
    var logLevel = "info"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Write a line feed to this descriptor when the sockets are there.", valueName: "descriptor"))
    var readyFd: Int32?

    func validate() throws {
        guard maxBuffered >= 1, maxBuffered <= 1 << 20 else {
            throw ValidationError("--max-buffered \(maxBuffered): must be 1 to 1048576 MiB")
        }
        guard wait >= 0, wait <= 86_400 else { throw ValidationError("--wait \(wait): must be 0 to 86400 seconds") }
        for name in guests + rawGuests {
            guard let fault = ProxyConfiguration.fault(inGuestName: name) else { continue }
            throw ValidationError("'\(name)' is no guest's name: \(fault)")
        }
        guard Set(guests).isDisjoint(with: rawGuests) else { throw ValidationError("a guest is named by --guest and by --raw") }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level \(logLevel): must be trace, debug, info, notice, warning, error or critical")
        }
    }

    func run() async throws {
        var logger = Logger(label: "vm-proxy") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
        let path = URL(fileURLWithPath: directory).standardizedFileURL.path
        var configuration = ProxyConfiguration(
            directory: path, wait: .seconds(Int64(wait)), exitsWhenIdle: exitWhenIdle, readyDescriptor: readyFd)
        configuration.allowedUsers = Set(allowedUsers)
        configuration.limits.bytesInAll = maxBuffered << 20
        configuration.guests = guests
        configuration.rawGuests = rawGuests
        configuration.vsockPort = vsockPort
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: ProxyServer(configuration, logger: logger), successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
        do {
            try await group.run()
        } catch let error as SocketFileError {
            FileHandle.standardError.write(Data("vm-proxy: \(error.text)\n".utf8))
            throw ExitCode(1)
        }
    }
}
