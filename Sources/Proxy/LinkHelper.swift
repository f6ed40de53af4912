internal import CLinux
internal import ControlProtocol
public import LinuxSystem

/// What QEMU runs for every connection of a guest to 10.0.2.6:23: it passes its standard input, which is the connection's
/// socket, to the proxy, and is done.
public enum LinkHelper {
    /// Passes `socket` as a link of guest `name` to the proxy in `directory`.
    public static func pass(_ socket: FileDescriptor, guest name: String, directory: String) throws(SocketFileError) {
        let path = "\(directory)/\(ControlSocket.linksName)"
        let connection = linux_connect_unix(path)
        guard connection >= 0 else { throw .failed(path: path, call: "connect", .current) }
        defer { close(connection) }
        let line = Array("\(name)\n".utf8)
        guard line.withUnsafeBytes({ linux_send_descriptor(connection, $0.baseAddress, $0.count, socket.rawValue) }) == 0 else {
            throw .failed(path: path, call: "sendmsg", .current)
        }
    }
}
