import ArgumentParser
import ControlProtocol
import Foundation
import ProxyClient

/// `vm logs`.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a VM's boot and its console have said.",
        discussion: """
            The boot's steps are printed with the VM's uptime at their end and how long they took, between the lines that its \
            console printed meanwhile; the last 1 MiB of both is kept. The kernel's log is read in the VM and needs a link to it.

            Examples:
              vm logs test1
              vm logs -f test1
              vm logs --kernel test1
            """)

    @OptionGroup var directory: DirectoryOption

    @Flag(name: .shortAndLong, help: "Go on until the VM has ended.")
    var follow = false

    @Flag(help: "Print the boot's steps only.")
    var steps = false

    @Flag(help: "Print the console only.")
    var console = false

    @Flag(help: "Print the kernel's log, as dmesg in the VM does.")
    var kernel = false

    @Argument(help: "The VM's name.")
    var name: String

    func validate() throws {
        guard [steps, console, kernel].filter({ $0 }).count <= 1 else {
            throw ValidationError("--steps, --console and --kernel exclude each other.")
        }
    }

    func run() throws {
        try Failure.wrapping { try kernel ? printKernelLog() : printLog() }
    }

    private func printLog() throws {
        var lines = try directory.client.logs(of: name, follow: follow)
        while let line = try lines.next() {
            if let text = text(of: line) { say(text) }
        }
    }

    private func say(_ text: String) {
        print(TerminalText.cleaned(text))
        // Whoever reads a pipe wants a line as soon as it is there.
        if follow { fflush(nil) }
    }

    private func text(of line: LogLine) -> String? {
        switch line {
        case .console(let text): steps ? nil : text
        case .step(let step):
            console || (step.state == .started && step.detail.isEmpty) ? nil : "\(steps ? "" : "== ")\(StepLine.text(step))"
        case .state(let change):
            console ? nil : "\(steps ? "" : "== ")\(StepLine.seconds(change.microseconds)) s  \(change.state.rawValue): \(change.detail)"
        case .lost(let count): "(\(count) bytes of the log are missing here)"
        }
    }

    private func printKernelLog() throws {
        var lines = try directory.client.kernelLog(of: name, follow: follow)
        while let line = try lines.next() { say(line) }
        guard follow else { return }
        // The link goes before the VM does.
        let deadline = Deadline.after(.seconds(3))
        while !deadline.hasPassed {
            guard (try? directory.client.status(of: name)) != nil else { return }
            usleep(50_000)
        }
        throw Failure("the link to '\(name)' was lost")
    }
}

/// A guest's text on the user's terminal.
enum TerminalText {
    /// Without control characters: a guest may print anything, and a terminal obeys it.
    static func cleaned(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { scalar in
                    scalar == "\t" || scalar == "\n" || !(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value))
                }))
    }
}
