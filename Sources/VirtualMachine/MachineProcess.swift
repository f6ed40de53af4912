import Foundation
import LinuxSystem

/// A QEMU that another program has started, known by its process id: what can be asked of it over its control socket.
public struct MachineProcess: Sendable {
    private let socket: String

    /// Finds the control socket among the process's arguments; nil when it is no QEMU, or somebody else's.
    public init?(_ identifier: Int32) {
        // Foundation takes the first piece of a file of the kernel's for all of it.
        guard let words = try? Files.read("/proc/\(identifier)/cmdline", limit: 4 << 20) else { return nil }
        guard let socket = MachineProcess.socket(in: words.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }) else {
            return nil
        }
        self.socket = socket
    }

    /// The path in `-qmp unix:PATH,server=on,wait=off`, with the commas that QEMU's options write twice.
    static func socket(in arguments: [String]) -> String? {
        let prefix = "unix:", suffix = ",server=on,wait=off"
        guard let option = arguments.firstIndex(of: "-qmp"), option + 1 < arguments.count else { return nil }
        let value = arguments[option + 1]
        guard value.hasPrefix(prefix), value.hasSuffix(suffix) else { return nil }
        return value.dropFirst(prefix.count).dropLast(suffix.count).replacingOccurrences(of: ",,", with: ",")
    }

    /// Presses the guest's power button (ACPI). Whether anything happens is the guest's decision.
    public func pressPowerButton(timeout: Duration = .seconds(2)) throws(QMPError) { try request(.powerDown, timeout) }

    /// Ends QEMU at once, as pulling the plug does. QEMU writes out what it holds of the disk.
    public func quit(timeout: Duration = .seconds(2)) throws(QMPError) { try request(.quit, timeout) }

    private func request(_ command: QMPConnection.Command, _ timeout: Duration) throws(QMPError) {
        var connection = try QMPConnection.open(path: socket, timeout: timeout)
        try connection.execute(command, timeout: timeout)
    }
}
