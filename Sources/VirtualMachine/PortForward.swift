extension MachineDescription {
    /// A port of the host that leads to one of the guest: QEMU listens on it.
    public struct PortForward: Codable, Equatable, Sendable {
        /// What is spoken on the port.
        public enum Transport: String, Codable, Sendable, CaseIterable {
            /// Connections.
            case tcp
            /// Packets.
            case udp
        }

        /// What is spoken on both ports.
        public var transport: Transport
        /// The host's address to listen on: 127.0.0.1 lets in nobody but this host, 0.0.0.0 everybody.
        public var hostAddress: String
        /// The host's port.
        public var hostPort: Int
        /// The guest's port.
        public var guestPort: Int

        /// Makes a forward from its parts.
        public init(transport: Transport = .tcp, hostAddress: String = "127.0.0.1", hostPort: Int, guestPort: Int) {
            self.transport = transport
            self.hostAddress = hostAddress
            self.hostPort = hostPort
            self.guestPort = guestPort
        }

        /// Reads `[tcp:|udp:][ADDRESS:]HOST_PORT:GUEST_PORT`; nil when it is not of that form.
        public init?(_ text: String) {
            var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            var transport = Transport.tcp
            if let first = parts.first, let named = Transport(rawValue: first) {
                transport = named
                parts.removeFirst()
            }
            var address = "127.0.0.1"
            if parts.count == 3 { address = parts.removeFirst() }
            guard parts.count == 2, let host = Int(parts[0]), let guest = Int(parts[1]), Self.portRange.contains(host),
                Self.portRange.contains(guest), Self.isAddress(address)
            else { return nil }
            self.init(transport: transport, hostAddress: address, hostPort: host, guestPort: guest)
        }

        /// The ports that there are.
        public static let portRange = 1...65_535

        /// Whether `text` is four decimal numbers of at most 255, which is what QEMU takes.
        public static func isAddress(_ text: String) -> Bool {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && $0.allSatisfy(\.isNumber) }
        }

        /// As QEMU's `hostfwd=` and this type's `init` have it.
        public var text: String { "\(transport.rawValue):\(hostAddress):\(hostPort):\(guestPort)" }

        var qemuRule: String { "\(transport.rawValue):\(hostAddress):\(hostPort)-:\(guestPort)" }
    }
}
