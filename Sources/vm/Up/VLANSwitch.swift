import Foundation
import LinuxSystem
import ProxyClient
import VirtualMachine

/// A network between VMs: a `vde_switch` of this run's own, to which the VMs' cards connect. No packet of it reaches the host's
/// own networks.
///
/// The switch ends when its standard input does: with this process, whatever ends that.
final class VLANSwitch {
    /// The network's number.
    let vlan: Int
    /// The directory with its sockets.
    let directory: String
    private let process: ChildProcess
    private let input: FileDescriptor

    /// Starts the switch of the network `vlan` with places for `cards`, and returns when it takes connections.
    init(_ vlan: Int, cards: Int, directory: String) throws {
        let path = try ProgramSearch.find("vde_switch", package: "vde2")
        var program = Program(
            path,
            // Two places more than cards: for people who look into the network.
            ["--sock", directory, "--mode", "600", "--dirmode", "700", "--numports", "\(cards + 2)", "--rcfile", "/dev/null"],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        let (read, write) = try FileDescriptor.pipe()
        defer { read.close() }
        program.standardInput = read
        program.directory = "/"
        (self.vlan, self.directory, input) = (vlan, directory, write)
        do throws(Errno) {
            process = try program.start()
        } catch {
            write.close()
            throw Failure("cannot start \(path) for the network \(vlan): \(error)")
        }
        let deadline = Deadline.after(.seconds(30))
        while access("\(directory)/ctl", F_OK) != 0 {
            if let end = process.end() {
                abandon()
                throw Failure(
                    "\(path) for the network \(vlan) ended at once (\(StateTable.describe(end))); try it by hand: vde_switch -s \(directory)"
                )
            }
            guard !deadline.hasPassed else {
                end()
                throw Failure("\(path) for the network \(vlan) made no sockets in \(directory) within 30 s")
            }
            usleep(5_000)
        }
    }

    /// Ends it, and waits for that; 2 s until it is killed.
    func end() {
        input.close()
        if !process.pidfd.waitUntilReadable(milliseconds: 2_000) {
            process.signal(SIGKILL)
            _ = process.pidfd.waitUntilReadable(milliseconds: 1_000)
        }
        _ = process.end()
        process.pidfd.close()
    }

    private func abandon() {
        input.close()
        process.pidfd.close()
    }
}
