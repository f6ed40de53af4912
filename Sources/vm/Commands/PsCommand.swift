import ArgumentParser
import ControlProtocol
import Foundation
import LinuxSystem
import ProxyClient

/// `vm ps`.
struct PsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "List the VMs of a directory.",
        discussion: """
            UP is the VM's uptime, AGENT the memory that its agent has resident. SESSIONS are the shells and commands that run \
            through this directory's proxy, FORWARDS the connections to the VM's ports and sockets. Without a running vm-proxy in \
            the directory there are no VMs, and the list is empty.
            """)

    @OptionGroup var directory: DirectoryOption

    @Flag(help: "Print everything that is known as JSON.")
    var json = false

    @Flag(help: "Print each VM's boot steps with their times.")
    var steps = false

    @Flag(help: "Print each VM's links to this machine.")
    var links = false

    @Argument(help: "Only these VMs.")
    var names: [String] = []

    func run() throws {
        let guests = try Failure.wrapping { try wanted() }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(guests), as: UTF8.self))
            return
        }
        print(GuestTable.text(guests))
        for guest in guests where links { for link in guest.links { print("\(guest.name)  \(GuestTable.text(link))") } }
        for guest in guests where steps { for step in guest.steps { print("\(guest.name)  \(StepLine.text(step))") } }
        for guest in guests { for warning in guest.warnings { print("\(guest.name): warning: \(warning)") } }
        for guest in guests where guest.state == .failed { print("\(guest.name): failed: \(guest.detail)") }
    }

    private func wanted() throws -> [GuestStatus] {
        let status: ProxyStatus
        do throws(ProxyClientError) {
            status = try directory.client.status()
        } catch {
            guard case .noProxy(_, let reason) = error, names.isEmpty else { throw error }
            guard access(directory.path, X_OK) == 0 else {
                throw Failure("cannot look into \(directory.path): \(String(cString: strerror(errno))); name another with --directory")
            }
            // No socket, or one that a dead proxy left.
            guard reason == Errno(ENOENT) || reason == Errno(ECONNREFUSED) else { throw error }
            return []
        }
        guard !names.isEmpty else { return status.guests }
        return try names.map { name in
            guard let guest = status.guests.first(where: { $0.name == name }) else {
                throw ProxyClientError.noSuchGuest(name: name, directory: directory.path, known: status.guests.map(\.name))
            }
            return guest
        }
    }
}
