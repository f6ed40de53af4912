import CLinux
import Foundation

/// A guestfwd chardev as QEMU has it: all connections of the guest share one connection to the host, and neither side ever
/// learns that the other has closed one. What the guest sends while the host is away is lost.
final class ChardevRelay {
    private let listener: CInt
    private let hostPath: String
    let guestPath: String

    init(guestPath: String, hostPath: String) throws {
        (self.guestPath, self.hostPath) = (guestPath, hostPath)
        listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: guestPath.utf8.prefix($0.count - 1)) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, length) }
        }
        guard result == 0, listen(listener, 8) == 0 else { throw TestFault("cannot listen at \(guestPath)") }
        let accepting = listener
        Thread.detachNewThread { ChardevRelay.run(accepting, hostPath) }
    }

    /// Its thread ends by the error that the next look at the listener gives.
    deinit { shutdown(listener, CInt(SHUT_RDWR)) }

    private static func run(_ listener: CInt, _ hostPath: String) {
        var guest: CInt = -1
        var host: SocketClient?
        defer {
            close(guest)
            close(listener)
        }
        while true {
            if host == nil { host = try? SocketClient(hostPath) }
            var requests = [
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0), pollfd(fd: guest, events: Int16(POLLIN), revents: 0),
                // Without a guest nothing is read from the host, as QEMU does it.
                pollfd(fd: guest < 0 ? -1 : host?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            // The time after which QEMU tries again, shorter.
            _ = poll(&requests, 3, host == nil ? 20 : -1)
            if requests[0].revents != 0 {
                let next = linux_accept(listener, 60_000)
                guard next >= 0 else { return }
                close(guest)
                guest = next
                continue
            }
            if requests[1].revents != 0, !move(guest, host?.descriptor) {
                close(guest)
                guest = -1
            }
            if requests[2].revents != 0, let from = host?.descriptor, !move(from, guest) { host = nil }
        }
    }

    /// Moves what there is; false when there is no more to come.
    private static func move(_ from: CInt, _ to: CInt?) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = uninterrupted { read(from, &chunk, chunk.count) }
        guard count > 0 else { return false }
        if let to { _ = uninterrupted { send(to, chunk, count, CInt(MSG_NOSIGNAL)) } }
        return true
    }
}
