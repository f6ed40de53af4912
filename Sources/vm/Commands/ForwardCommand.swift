import AgentProtocol
import ArgumentParser
import Glibc
import ProxyClient

/// `vm forward`.
struct ForwardCommand: ParsableCommand, PassesSignals {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Forward ports and sockets of this machine into a VM.",
        discussion: """
            Each FORWARD is [HOST:]GUEST. HOST is a port of this machine, on 127.0.0.1 and [::1], or the path of a socket file; \
            without it, or with 0, a free port is taken. GUEST is a port, ADDRESS:PORT as the VM sees it, the path of a socket \
            file in the VM, or @NAME of an abstract one. What is forwarded is printed, a line each; Ctrl-C ends it. No network of \
            the VM is needed for it, and nothing is opened to other machines.

            Examples:
              vm forward test1 8080:80
              vm forward test1 5432 8080:10.0.2.2:80 8081:[::1]:80
              vm forward test1 ./docker.sock:/run/docker.sock
              ssh -o ProxyCommand='vm forward test1 --stdio 22' root@test1

            Exit codes: 0 when it was ended by a signal, or with --stdio when the connection has ended; 255 when it cannot begin, the \
            VM is gone or, with --stdio, the connection failed; 64 for wrong usage.
            """)

    @OptionGroup var directory: DirectoryOption

    @Option(help: ArgumentHelp("Connect the standard input and output to this GUEST, and end with it.", valueName: "guest"))
    var stdio: String?

    @Argument(help: "The VM's name.")
    var name: String

    @Argument(help: ArgumentHelp("What to forward: [HOST:]GUEST.", valueName: "forward"))
    var forwards: [String] = []

    func validate() throws {
        guard (stdio == nil) != forwards.isEmpty else {
            throw ValidationError("Name what to forward, such as 8080:80, or give --stdio with a port.")
        }
        _ = try parsed()
        _ = try target()
    }

    private func parsed() throws -> [Forward] {
        try forwards.map { text in
            do throws(ConnectTarget.Fault) { return try Forward(parsing: text) } catch { throw ValidationError("\(text): \(error.text).") }
        }
    }

    private func target() throws -> ConnectTarget? {
        guard let stdio else { return nil }
        do throws(ConnectTarget.Fault) {
            return try Forward.target(parsing: stdio)
        } catch {
            throw ValidationError("--stdio \(stdio): \(error.text).")
        }
    }

    func run() throws {
        let signals = try Failure.wrapping { try Self.inbox.get() }
        if let target = try target() {
            let signal = try Failure.wrapping { try directory.client.join(target, of: name, signals: signals) }
            throw ExitCode(signal.map { 128 + $0 } ?? 0)
        }
        let forwards = try parsed()
        _ = try Failure.wrapping {
            try directory.client.forward(
                forwards, of: name, signals: signals,
                onListening: { listening in
                    for entry in listening {
                        for address in entry.addresses { print("\(address) -> \(name):\(ForwardCommand.text(entry.forward.target))") }
                    }
                    // Scripts read the ports from a pipe.
                    fflush(nil)
                },
                onMessage: { Terminal.say($0) })
        }
    }

    private static func text(_ target: ConnectTarget) -> String {
        if case .tcp(nil, let port) = target { "\(port)" } else { target.text }
    }
}
