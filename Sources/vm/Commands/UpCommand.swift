import ArgumentParser
import Foundation
import LinuxSystem
import VirtualNetwork

/// `vm up`.
struct UpCommand: AsyncParsableCommand, PassesSignals {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Boot a network of VMs.",
        discussion: """
            FILE lists the VMs, in JSON or YAML; docs/network.schema.json has all keys:

              vms:
                - name: client
                - name: router
                  vlans: [1, 2]
                - name: server
                  vlans: [2]
                  memorySize: 1024

            The VM with the place M in the list has the address 192.168.N.M on the network N, a card eth1 and so on for each \
            network, and every VM's name in its /etc/hosts. Each is entered through NAME.socket, as with vm run. Without --detach \
            the command stays until all VMs have ended; Ctrl-C powers them off.

            Exit codes: 0 when all VMs booted and ended well, 255 when one did not, 64 for wrong usage.
            """)

    @OptionGroup var directory: DirectoryOption

    @Option(parsing: .unconditional, help: ArgumentHelp("How long the boots may take before they count as failed.", valueName: "seconds"))
    var bootTimeout = 300

    @Flag(help: "Return when all VMs are up; they go on until vm down.")
    var detach = false

    @Flag(inversion: .prefixedNo, help: "Make the VMs' sockets, through which they can be entered.")
    var backdoor = true

    @Flag(name: .shortAndLong, help: "Print each boot step with its time, and the guests' consoles.")
    var verbose = false

    @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
    var quiet = false

    @Option(name: .customLong("ready-fd"), help: .hidden)
    var readyDescriptor: CInt?

    @Argument(help: "The file with the network.", completion: .file())
    var file: String

    func validate() throws {
        guard bootTimeout > 0 else { throw ValidationError("--boot-timeout must be 1 or more seconds.") }
        guard !(verbose && quiet) else { throw ValidationError("--verbose and --quiet exclude each other.") }
    }

    func run() async throws {
        let signals = try Self.inbox.get()
        let network: NetworkDescription
        do throws(NetworkFileError) {
            network = try NetworkFile.read(file)
        } catch {
            throw Failure("\(error)")
        }
        if detach {
            let start = DetachedUp(file: URL(fileURLWithPath: file).standardizedFileURL.path, options: self, signals: signals)
            throw ExitCode(try Failure.wrapping { try start.run() })
        }
        let files = try RuntimeDirectory(for: "network")
        defer { files.remove() }
        let run = NetworkRun(network, self, files: files, signals: signals)
        let code = try Failure.wrapping { try run.run() }
        files.remove()
        throw ExitCode(code)
    }
}
