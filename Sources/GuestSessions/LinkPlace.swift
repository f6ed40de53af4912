internal import AgentProtocol
internal import CLinux
public import LinuxSystem

/// Where a link to the host may be made.
public enum LinkPlace: Equatable, Sendable {
    /// TCP to 10.0.2.6:23, an address of QEMU's user network.
    case guestForward
    /// The virtio-serial port `vm-agent`.
    case virtioSerial
    /// AF_VSOCK port 23 of the host.
    case vsock
    /// A UNIX socket on this machine where somebody listens.
    case unixSocket(path: String)
    /// A descriptor that is connected already. Once it is lost, the link cannot be made again.
    case descriptor(FileDescriptor)

    /// All places that a guest may have, the one that is there first in front.
    public static let ofGuests: [LinkPlace] = [.virtioSerial, .vsock, .guestForward]

    static let address = IPv4Address(10, 0, 2, 6)
    static let port: UInt16 = 23

    /// As the hello names it.
    var transport: LinkTransport {
        switch self {
        case .guestForward: .guestForward
        case .virtioSerial: .virtioSerial
        case .vsock: .vsock
        case .unixSocket, .descriptor: .socket
        }
    }

    /// Whether both sides of a connection learn of its end, and no bytes of it are left to the next. With QEMU's chardevs that
    /// is not so, and the guest cannot see whether there is one behind 10.0.2.6:23.
    var hasEnd: Bool {
        switch self {
        case .guestForward, .virtioSerial: false
        case .vsock, .unixSocket, .descriptor: true
        }
    }

    /// The longest delay before another attempt, in microseconds.
    var longestDelay: UInt64 {
        // QEMU tries to reach the proxy once a second itself: with both, a link is back within two.
        self == .virtioSerial ? 500_000 : ReconnectDelay.longest
    }

    /// How far an attempt got.
    enum Opened {
        case connected(FileDescriptor)
        /// The descriptor becomes writable when the attempt is over.
        case connecting(FileDescriptor)
        /// The device is open, and nobody on the host holds the other end yet.
        case waiting(FileDescriptor)
    }

    /// Why an attempt failed.
    enum Fault: Error {
        /// This machine has no such place now: nothing to complain of.
        case absent
        /// The system's words.
        case failed(String)
    }

    /// Begins to make a connection. The descriptor does not block, and is the caller's to close.
    func open() throws(Fault) -> Opened {
        switch self {
        case .guestForward:
            do throws(Errno) { return LinkPlace.opened(try Network.connect(LinkPlace.address, port: LinkPlace.port)) } catch {
                throw .failed(refusal(error))
            }
        case .virtioSerial: return try LinkPlace.openSerial()
        case .vsock: return try openVsock()
        case .unixSocket(let path):
            do throws(Errno) { return .connected(try Network.connectUnix(path)) } catch { throw .failed(refusal(error)) }
        case .descriptor(let descriptor):
            do throws(Errno) { try descriptor.setNonBlocking() } catch {
                throw .failed("descriptor \(descriptor.rawValue): \(error.description)")
            }
            return .connected(descriptor)
        }
    }

    /// Why there is no connection, for the kernel's log.
    func refusal(_ error: Errno) -> String {
        switch self {
        case .guestForward: "cannot connect to the host at \(LinkPlace.address.text):\(LinkPlace.port): \(error.description)"
        case .virtioSerial: "cannot open the virtio-serial port \(VirtioSerialPort.name): \(error.description)"
        case .vsock: "cannot connect to the host's vsock port \(LinkPlace.port): \(error.description)"
        case .unixSocket(let path): "cannot connect to \(path): \(error.description)"
        case .descriptor(let descriptor): "descriptor \(descriptor.rawValue): \(error.description)"
        }
    }

    private static func opened(_ attempt: (socket: FileDescriptor, inProgress: Bool)) -> Opened {
        attempt.inProgress ? .connecting(attempt.socket) : .connected(attempt.socket)
    }

    private static func openSerial() throws(Fault) -> Opened {
        guard let device = VirtioSerialPort.device else { throw .absent }
        do throws(Errno) {
            let port = try FileDescriptor.open(device, .readWriteNonBlocking)
            return VirtioSerialPort.isHostConnected(port) ? .connected(port) : .waiting(port)
        } catch {
            throw .failed("cannot open \(device), the virtio-serial port \(VirtioSerialPort.name): \(error.description)")
        }
    }

    private func openVsock() throws(Fault) -> Opened {
        guard Files.exists("/dev/vsock") else { throw .absent }
        do throws(Errno) {
            return LinkPlace.opened(try Network.connectVsock(cid: 2, port: UInt32(LinkPlace.port)))
        } catch {
            // The module may be there without a device that leads to the host.
            if [ENODEV, EAFNOSUPPORT, EADDRNOTAVAIL, ENETUNREACH].contains(error.code) { throw .absent }
            throw .failed(refusal(error))
        }
    }
}
