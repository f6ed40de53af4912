import AgentProtocol
import Foundation

/// What a command keeps when it runs in a guest whose root is this machine's: its directory, user and environment.
enum HostContext {
    /// The most bytes of environment that are passed on; larger variables are left out, the largest first.
    private static let environmentLimit = 256 << 10

    /// Puts them into `command`.
    static func apply(to command: inout Command) {
        command.workingDirectory = Array(FileManager.default.currentDirectoryPath.utf8)
        command.user = Array("\(geteuid()):\(getegid())".utf8)
        var variables = RawArguments.environment()
        var total = variables.reduce(0) { $0 + $1.count }
        while total > environmentLimit, let largest = variables.indices.max(by: { variables[$0].count < variables[$1].count }) {
            total -= variables[largest].count
            variables.remove(at: largest)
        }
        command.environment = variables
    }
}
