import ControlProtocol
import Foundation
import LinuxSystem
import ProxyClient
import VirtualMachine
import VirtualNetwork

/// The VMs of a network from their start to their end: a switch for each network between them, a `vm run` for each VM, and one
/// `poll` over what all of them say. One VM's failure is told and does not end the others.
final class NetworkRun {
    private let network: NetworkDescription
    private let options: UpCommand
    private let files: RuntimeDirectory
    private let signals: SignalInbox
    /// Where the sockets are.
    private let directory: String
    private var members: [NetworkMember] = []
    private var table: StateTable
    private var stops = 0
    private var hasStarted = false

    init(_ network: NetworkDescription, _ options: UpCommand, files: RuntimeDirectory, signals: SignalInbox) {
        (self.network, self.options, self.files, self.signals) = (network, options, files, signals)
        // Without a backdoor nothing of it is seen, but the states must be known.
        directory = network.hasBackdoor && options.backdoor ? options.directory.path : files.file("sockets")
        table = StateTable(names: network.vms.map(\.name), isLive: Terminal.isTerminal && !options.verbose && !options.quiet)
    }

    /// Runs the network; gives the exit code.
    func run() throws -> Int32 {
        if directory != options.directory.path { _ = mkdir(directory, 0o700) }
        let switches = try startSwitches()
        defer { switches.forEach { $0.end() } }
        do {
            try startMembers(switches)
            try follow(until: { $0.allSatisfy(\.isSettled) }, deadline: .after(.seconds(options.bootTimeout)))
            noteLateOnes()
            reportStart()
            try follow(until: { $0.allSatisfy { $0.end != nil } }, deadline: .none)
        } catch {
            endAll()
            throw error
        }
        table.leave()
        return members.contains { $0.end != .exited(0) || $0.isLate || ($0.status?.state == .failed && stops == 0) } ? Failure.ownCode : 0
    }

    // MARK: Start

    private func startSwitches() throws -> [VLANSwitch] {
        var switches: [VLANSwitch] = []
        do {
            for vlan in network.vlans {
                let cards = network.vms.count { $0.vlans.contains(vlan) }
                switches.append(try VLANSwitch(vlan, cards: cards, directory: files.file("vlan\(vlan)")))
            }
        } catch {
            switches.forEach { $0.end() }
            throw error
        }
        return switches
    }

    private func startMembers(_ switches: [VLANSwitch]) throws {
        var environment = ProcessInfo.processInfo.environment
        for vlanSwitch in switches { environment[VLANAddress.switchVariable(vlanSwitch.vlan)] = vlanSwitch.directory }
        // One image is for one VM.
        if network.vms.count > 1 { environment["NIX_DISK_IMAGE"] = nil }
        for (index, vm) in network.vms.enumerated() {
            let hosts = try files.write(Array(network.hosts(for: index).utf8), to: "\(vm.name).hosts")
            let arguments = network.runArguments(for: index, directory: directory, hostsFile: hosts)
            let program = Program(
                "/proc/self/exe", arguments + [options.verbose ? "--verbose" : "--quiet"],
                environment: environment.map { "\($0)=\($1)" })
            members.append(try NetworkMember(name: vm.name, program))
        }
    }

    // MARK: Following

    /// Shows what happens until `isOver` or the deadline.
    private func follow(until isOver: ([NetworkMember]) -> Bool, deadline: Deadline) throws {
        while true {
            updateStates()
            if !options.quiet, !options.verbose, !hasStarted { table.show(members) }
            if isOver(members) || deadline.hasPassed { return }
            // A table is to move, and a state to be seen; later, only ends matter, and those are descriptors' events.
            try wait(milliseconds: hasStarted ? 1_000 : 200)
        }
    }

    private func wait(milliseconds: CInt) throws {
        let outputs = members.compactMap(\.output)
        var interests = [pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)]
        interests += outputs.map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
        guard poll(&interests, nfds_t(interests.count), milliseconds) >= 0 || errno == EINTR else {
            throw Failure("poll: \(Errno.current)")
        }
        while signals.next() != nil { stop() }
        for member in members {
            for line in member.arrivedLines() { show(line, of: member) }
            if member.end != nil, hasStarted, member.end != .exited(0) || stops == 0, !member.isEndTold {
                member.isEndTold = true
                say("\(member.name) has ended: \(member.end.map(StateTable.describe) ?? "")")
            }
        }
    }

    private func updateStates() {
        guard let guests = try? ProxyClient(directory: directory).status().guests else { return }
        for member in members where member.end == nil {
            member.status = guests.first { $0.name == member.name } ?? member.status
        }
    }

    private func show(_ line: String, of member: NetworkMember) {
        let text = line.hasPrefix("vm: ") ? String(line.dropFirst(4)) : line
        let isNamed = text.hasPrefix("\(member.name)|") || text.hasPrefix("\(member.name): ") || text.contains(": \(member.name): ")
        table.wipe()
        Terminal.write(TerminalText.cleaned(isNamed ? text : "\(member.name): \(text)") + "\n")
    }

    private func say(_ text: String) {
        table.wipe()
        Terminal.say(text)
    }

    // MARK: The result of the start

    private func noteLateOnes() {
        for member in members where !member.isSettled {
            member.isLate = true
            say("\(member.name) has not booted within \(options.bootTimeout) s; 'vm ps --steps' shows where it is")
        }
    }

    private func reportStart() {
        table.leave()
        hasStarted = true
        let up = members.filter(\.isUp)
        let others = members.filter { !$0.isUp }
        if !options.quiet, stops == 0 {
            if !up.isEmpty, directory == options.directory.path {
                Terminal.note(
                    "\(up.count) of \(members.count) up: socat \(directory)/\(up[0].name).socket stdio, or vm exec \(up[0].name) -- COMMAND"
                )
            } else {
                Terminal.note("\(up.count) of \(members.count) up")
            }
        }
        for member in others where stops == 0 {
            if let end = member.end { Terminal.say("\(member.name) has not booted: \(StateTable.describe(end)), as told above") }
            if member.end == nil, member.status?.state == .failed {
                Terminal.say("\(member.name) did not boot (\(member.status?.detail ?? "")), but can be entered: vm shell \(member.name)")
            }
            member.isEndTold = true
        }
        if let descriptor = options.readyDescriptor {
            let ready = FileDescriptor(rawValue: descriptor)
            try? ready.writeAll(Array((others.isEmpty ? "0\n" : "1\n").utf8))
            ready.close()
        } else if !options.quiet, members.contains(where: { $0.end == nil }), stops == 0 {
            Terminal.note("Ctrl-C, or vm down --all, powers them off")
        }
    }

    // MARK: The end

    private func stop() {
        stops += 1
        let running = members.filter { $0.end == nil }
        if stops == 1, !options.quiet, !running.isEmpty {
            say("powering off \(running.map(\.name).joined(separator: ", ")); once more ends them at once")
        }
        running.forEach { $0.stop() }
    }

    /// After an error of this program's own.
    private func endAll() {
        stop()
        try? follow(until: { $0.allSatisfy { $0.end != nil } }, deadline: .after(.seconds(30)))
    }
}
