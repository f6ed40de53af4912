import ArgumentParser
import ControlProtocol
import Foundation
import ProxyClient
import VirtualMachine

/// `vm down`.
struct DownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "Power VMs off.",
        discussion: """
            Each VM's init is asked to power off, so that no file system is left dirty; where it does not within 30 s, the agent \
            in the VM ends all programs, writes everything to the disks and powers off itself. Of a VM that has not ended within \
            --timeout, or that cannot be asked, the power button is pressed (ACPI), and 5 s later it is ended like a machine whose \
            plug is pulled.
            """)

    @OptionGroup var directory: DirectoryOption

    @Option(help: ArgumentHelp("How long the VMs may take.", valueName: "seconds"))
    var timeout = GuestStatus.powerOffPatience

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
            let unasked = guests.filter { !ask($0, client) }
            // Those that can be asked have their time meanwhile.
            press(unasked)
            let deaf = waitUntilGone(unasked, client, seconds: unasked.isEmpty ? 0 : Self.buttonPatience)
            end(deaf)
            let asked = guests.filter { guest in !unasked.contains { $0.name == guest.name } }
            var left = waitUntilGone(asked, client, seconds: timeout)
            left.forEach { Terminal.say("\($0.name) has not powered off within \(timeout) s; pressing its power button") }
            press(left)
            left = waitUntilGone(left, client, seconds: left.isEmpty ? 0 : Self.buttonPatience)
            end(left)
            let stuck = waitUntilGone(deaf + left, client, seconds: 10)
            guard stuck.isEmpty else {
                throw Failure("still running: \(stuck.map(\.name).joined(separator: ", ")); see 'vm ps' for their processes")
            }
        }
    }

    /// How long a guest may take after its power button was pressed, in seconds: few guests listen to it.
    private static let buttonPatience = 5

    /// Asks a guest to power off; false when it cannot be asked, as without a link.
    private func ask(_ guest: GuestStatus, _ client: ProxyClient) -> Bool {
        do throws(ProxyClientError) {
            guard !guest.links.isEmpty || guest.pid == nil else {
                Terminal.say("\(guest.name) has no link to be asked over; pressing its power button")
                return false
            }
            try client.powerOff(guest.name)
        } catch {
            // It may have gone meanwhile; the wait tells.
            Terminal.say("\(error)")
        }
        return true
    }

    private func press(_ guests: [GuestStatus]) {
        for guest in guests {
            do throws(QMPError) {
                try guest.pid.flatMap { MachineProcess($0) }?.pressPowerButton()
            } catch {
                Terminal.say("cannot press the power button of \(guest.name): \(error)")
            }
        }
    }

    /// QEMU writes out what it holds of the disk, on SIGTERM as on `quit`.
    private func end(_ guests: [GuestStatus]) {
        for guest in guests {
            guard let process = guest.pid else { continue }
            Terminal.say("\(guest.name) does not power off; ending it")
            // Of a process that is no QEMU any more nothing is known, and nothing is done to it.
            guard let machine = MachineProcess(process) else { continue }
            do throws(QMPError) { try machine.quit() } catch { kill(process, SIGTERM) }
        }
    }

    private func waitUntilGone(_ guests: [GuestStatus], _ client: ProxyClient, seconds: Int) -> [GuestStatus] {
        let deadline = Deadline.after(.seconds(seconds))
        var pause: UInt32 = 10_000
        while true {
            let left = present(of: guests, client)
            if left.isEmpty || deadline.hasPassed { return left }
            usleep(pause)
            pause = min(pause * 2, 200_000)
        }
    }

    /// Those that are still there.
    private func present(of guests: [GuestStatus], _ client: ProxyClient) -> [GuestStatus] {
        do throws(ProxyClientError) {
            let present = try client.status().guests
            // A guest of the same name and another process is another guest; one that was about to start had none.
            return guests.filter { guest in present.contains { $0.name == guest.name && ($0.pid == guest.pid || guest.pid == nil) } }
        } catch {
            guard case .noProxy = error else { return guests }
            // The proxy ends with its last guest; where it was killed, another one comes.
            return guests.filter { guest in guest.pid.map { MachineProcess($0) != nil } ?? false }
        }
    }
}
