internal import CLinux
internal import Foundation
internal import LinuxSystem

/// The service manager that started this process and wants to know how it is (`man 3 sd_notify`).
enum ServiceManager {
    /// What it is told.
    enum Notice {
        /// The sockets of a directory are there.
        case ready(directory: String)
        /// It ends.
        case stopping

        var text: String {
            switch self {
            case .ready(let directory): "READY=1\nSTATUS=serving \(directory)"
            case .stopping: "STOPPING=1"
            }
        }
    }

    /// Tells it; without one that asked for it (`$NOTIFY_SOCKET`), nothing is done.
    static func tell(_ notice: Notice) throws(Errno) {
        guard let address = address(of: ProcessInfo.processInfo.environment["NOTIFY_SOCKET"]) else { return }
        let text = Array(notice.text.utf8)
        guard linux_send_unix_datagram(address, address.count, text, text.count) == 0 else { throw .current }
    }

    /// The socket's address: `@` stands for the abstract namespace.
    static func address(of variable: String?) -> [UInt8]? {
        guard let variable, !variable.isEmpty else { return nil }
        return variable.hasPrefix("@") ? [0] + variable.utf8.dropFirst() : Array(variable.utf8)
    }
}
