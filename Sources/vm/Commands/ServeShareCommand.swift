import ArgumentParser
import CLinux
import Foundation
import LinuxSystem

/// `vm serve-share`: becomes a share's server, in mounts of its own in which the directory is read-only where the guest may not
/// write: Debian's `virtiofsd` has no option for that. Without a directory, becomes another server that is to end with its starter.
/// Not for people.
struct ServeShareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve-share", abstract: "Become the server of a shared directory.", shouldDisplay: false)

    @Option(help: "The directory.")
    var source: String?

    @Option(help: "Where the server finds it.")
    var export: String?

    @Flag(help: "Whether nothing may be written to it.")
    var readOnly = false

    @Argument(parsing: .postTerminator, help: "The server and its arguments.")
    var program: [String] = []

    func run() throws {
        guard let path = program.first else { throw ValidationError("A program is needed, after '--'.") }
        guard linux_end_with_parent() == 0 else { throw Failure("prctl: \(Errno.current)") }
        if let source, let export, linux_bind_privately(source, export, readOnly ? 1 : 0) != 0 {
            throw Failure("cannot show \(source) \(readOnly ? "read-only " : "")to its server at \(export): \(Errno.current)")
        }
        let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
        throw Failure("cannot execute \(path): \(Program(path, Array(program.dropFirst()), environment: environment).execute())")
    }
}
