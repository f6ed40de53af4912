import ArgumentParser
import ControlProtocol
import Foundation
import ProxyClient

/// `vm down`.
struct DownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "Power VMs off.",
        discussion: """
            Each VM's init is asked to power off, so that no file system is left dirty. A VM that has not ended within \
            --timeout is ended like a machine whose plug is pulled.
            """)

    @OptionGroup var directory: DirectoryOption

    @Option(help: ArgumentHelp("How long the VMs may take.", valueName: "seconds"))
    var timeout = 40

    @Flag(help: "All VMs of the directory.")
    var all = false

    @Argument(help: "The VMs' names.")
    var names: [String] = []

    func validate() throws {
        guard all != !names.isEmpty else { throw ValidationError("Name the VMs to power off, or give --all.") }
        guard timeout >= 0 else { throw ValidationError("--timeout must be 0 or more seconds.") }
    }

    func run() throws {
        try Failure.wrapping {
            let client = directory.client
            let guests = try all ? client.status().guests : names.map { try client.status(of: $0) }
            for guest in guests { ask(guest, client) }
            let left = waitUntilGone(guests, client, seconds: timeout)
            guard !left.isEmpty else { return }
            for guest in left {
                Terminal.say("\(guest.name) has not powered off within \(timeout) s; ending it")
                if let process = guest.pid { kill(process, SIGTERM) }
            }
            let stuck = waitUntilGone(left, client, seconds: 10)
            guard stuck.isEmpty else {
                throw Failure("still running: \(stuck.map(\.name).joined(separator: ", ")); see 'vm ps' for their processes")
            }
        }
    }

    /// Asks a guest to power off; one without a link cannot hear it, and its VM is ended instead.
    private func ask(_ guest: GuestStatus, _ client: ProxyClient) {
        do throws(ProxyClientError) {
            guard !guest.links.isEmpty || guest.pid == nil else {
                Terminal.say("\(guest.name) has no link to be asked over; ending it")
                if let process = guest.pid { kill(process, SIGTERM) }
                return
            }
            try client.powerOff(guest.name)
        } catch {
            // It may have gone meanwhile; the wait tells.
            Terminal.say("\(error)")
        }
    }

    private func waitUntilGone(_ guests: [GuestStatus], _ client: ProxyClient, seconds: Int) -> [GuestStatus] {
        let deadline = Deadline.after(.seconds(seconds))
        var pause: UInt32 = 10_000
        while true {
            let present = (try? client.status().guests) ?? []
            // A guest of the same name and another process is another guest.
            let left = guests.filter { guest in present.contains { $0.name == guest.name && $0.pid == guest.pid } }
            if left.isEmpty || deadline.hasPassed { return left }
            usleep(pause)
            pause = min(pause * 2, 200_000)
        }
    }
}
