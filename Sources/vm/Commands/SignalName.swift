import ArgumentParser
import Glibc

/// A signal as a person writes it: `TERM`, `SIGTERM`, `term`, `15`.
struct SignalName: ExpressibleByArgument {
    var number: UInt8

    init?(argument: String) {
        if let number = UInt8(argument) {
            guard (1...64).contains(number) else { return nil }
            self.number = number
            return
        }
        var name = argument.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        guard let number = Self.numbers[name] else { return nil }
        self.number = UInt8(number)
    }

    /// The signals of Linux that a process may want to be sent (`man 7 signal`).
    private static let numbers: [String: CInt] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ILL": SIGILL, "TRAP": SIGTRAP, "ABRT": SIGABRT, "BUS": SIGBUS, "FPE": SIGFPE,
        "KILL": SIGKILL, "USR1": SIGUSR1, "SEGV": SIGSEGV, "USR2": SIGUSR2, "PIPE": SIGPIPE, "ALRM": SIGALRM, "TERM": SIGTERM,
        "CHLD": SIGCHLD, "CONT": SIGCONT, "STOP": SIGSTOP, "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG,
        "XCPU": SIGXCPU, "XFSZ": SIGXFSZ, "VTALRM": SIGVTALRM, "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "PWR": SIGPWR,
        "SYS": SIGSYS,
    ]
}
