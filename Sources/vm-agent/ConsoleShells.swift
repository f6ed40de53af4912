internal import CLinux
internal import GuestBoot
internal import LinuxSystem

/// A root shell on each console that `vm.console-shell` names, for whoever sits before the VM's screen, while the agent is PID 1. One
/// that ends is followed by another.
struct ConsoleShells {
    private var shells: [(console: String, process: CInt, start: UInt64)] = []

    /// Starts them.
    mutating func start(_ consoles: [String]) {
        for console in consoles { shells.append((console, ConsoleShells.start(console), Uptime.microseconds)) }
    }

    /// Starts the one anew whose process has ended, unless it has ended at once.
    mutating func restart(after process: CInt) {
        for index in shells.indices where shells[index].process == process {
            let now = Uptime.microseconds
            let isBroken = now - shells[index].start < 1_000_000
            shells[index].process = isBroken ? 0 : ConsoleShells.start(shells[index].console)
            shells[index].start = now
            if isBroken { writeKernelLog(.error, "the shell on " + shells[index].console + " ended at once; there is none there now") }
        }
    }

    /// Its process; 0 for none.
    private static func start(_ console: String) -> CInt {
        let places = SystemPrograms.directories(systemPath: nil)
        var program = Program(SystemPrograms.find("sh", in: places) ?? "/bin/sh")
        // The mark of a log-in shell.
        program.arguments = [Array("-sh".utf8)]
        program.environment = [
            Array("PATH=".utf8) + Array(places.joined(separator: ":").utf8), Array("HOME=/root".utf8), Array("USER=root".utf8),
            Array((console.utf8.starts(with: "ttyS".utf8) ? "TERM=vt102" : "TERM=linux").utf8),
        ]
        program.directory = "/root"
        program.hasTerminal = true
        do throws(Errno) {
            let terminal = try FileDescriptor.open("/dev/" + console, .readWrite)
            defer { terminal.close() }
            program.standardInput = terminal
            program.standardOutput = terminal
            program.standardError = terminal
            let process = try program.start()
            process.pidfd.close()
            return process.identifier
        } catch {
            writeKernelLog(.error, "no shell on " + console + ": " + error.description)
            return 0
        }
    }
}
