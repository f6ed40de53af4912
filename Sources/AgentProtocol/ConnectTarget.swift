/// Where the service `connect` connects to, as the guest sees it: the text after `connect:` in the service's name.
///
///     tcp:PORT            the guest's own loopback: 127.0.0.1, or [::1] where nobody listens on that
///     tcp:ADDRESS:PORT    an IPv4 address, an IPv6 address in brackets, or localhost
///     unix:/PATH          a stream socket in the file system
///     unix:@NAME          one in the abstract namespace (`man 7 unix`)
///
/// In PATH and NAME, bytes that are not visible ASCII, and `%` itself, are written as `%` and two hexadecimal digits: the
/// service's name is one word of a request line, and a path has any bytes.
public enum ConnectTarget: Equatable, Sendable {
    /// A TCP port; `address` is an IPv4 or IPv6 literal without brackets, nil for the guest's loopback.
    case tcp(address: String?, port: UInt16)
    /// A UNIX stream socket: an absolute path, or `@` and an abstract name.
    case unix(path: [UInt8])

    /// Why a text is no target.
    public struct Fault: Error, Equatable, Sendable {
        /// One sentence.
        public var text: String

        /// Makes a fault from its sentence.
        public init(text: String) { self.text = text }
    }

    /// The most bytes that a path or abstract name may have: `sun_path` has 108 (`man 7 unix`).
    public static let maximumPathLength = 107

    /// Reads the text after `connect:`.
    public init(_ text: String) throws(Fault) {
        let bytes = Array(text.utf8)
        if bytes.starts(with: Array("tcp:".utf8)) {
            self = try ConnectTarget.tcp(bytes[4...])
        } else if bytes.starts(with: Array("unix:".utf8)) {
            self = .unix(path: try ConnectTarget.path(bytes[5...]))
        } else {
            throw Fault(text: "'\(text)' is no target: write tcp:PORT, tcp:ADDRESS:PORT or unix:PATH")
        }
    }

    /// The service's name with this target, as `CONNECT NAME SERVICE` has it.
    public var service: String {
        switch self {
        case .tcp(nil, let port): "connect:tcp:\(port)"
        case .tcp(let address?, let port): "connect:tcp:\(ConnectTarget.bracketed(address)):\(port)"
        case .unix(let path): "connect:unix:\(ConnectTarget.escaped(path))"
        }
    }

    /// The target for people: `127.0.0.1:80`, `[fd00::1]:80`, `/run/a b.sock`.
    public var text: String {
        switch self {
        case .tcp(let address, let port): "\(address.map { ConnectTarget.bracketed($0) } ?? "localhost"):\(port)"
        case .unix(let path): String(decoding: path, as: UTF8.self)
        }
    }

    // MARK: TCP

    private static func tcp(_ text: ArraySlice<UInt8>) throws(Fault) -> ConnectTarget {
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")) else { return .tcp(address: nil, port: try port(text)) }
        let port = try port(text[(colon + 1)...])
        var address = text[..<colon]
        if address.first == UInt8(ascii: "["), address.last == UInt8(ascii: "]") {
            address = address.dropFirst().dropLast()
        } else if address.contains(UInt8(ascii: ":")) {
            throw Fault(text: "write an IPv6 address in brackets: [ADDRESS]:\(port)")
        }
        guard !address.isEmpty else { throw Fault(text: "there is no address before the port \(port)") }
        let written = String(decoding: address, as: UTF8.self)
        return .tcp(address: written == "localhost" ? nil : written, port: port)
    }

    /// A port's decimal digits.
    public static func port(_ text: ArraySlice<UInt8>) throws(Fault) -> UInt16 {
        var value: UInt32 = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), value < 100_000 else {
                value = 0
                break
            }
            value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
        }
        guard value > 0, value < 65_536 else {
            throw Fault(text: "'\(String(decoding: text, as: UTF8.self))' is no port: ports are 1 to 65535")
        }
        return UInt16(value)
    }

    private static func bracketed(_ address: String) -> String {
        address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]" : address
    }

    // MARK: UNIX

    private static func path(_ text: ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
        var path: [UInt8] = []
        var place = text.startIndex
        while place < text.endIndex {
            if text[place] != UInt8(ascii: "%") {
                path.append(text[place])
                place += 1
                continue
            }
            guard place + 2 < text.endIndex, let high = digit(text[place + 1]), let low = digit(text[place + 2]) else {
                throw Fault(text: "after '%' in a path there are two hexadecimal digits; '%' itself is %25")
            }
            path.append(high << 4 | low)
            place += 3
        }
        if let fault = fault(inPath: path) { throw Fault(text: fault) }
        return path
    }

    /// What is wrong with a socket's path or abstract name, or nil.
    public static func fault(inPath path: [UInt8]) -> String? {
        let isAbstract = path.first == UInt8(ascii: "@")
        guard isAbstract || path.first == UInt8(ascii: "/") else {
            return "a socket's path must be absolute; an abstract socket's name begins with '@'"
        }
        guard path.count > 1 else { return "there is no name in the socket's path" }
        guard isAbstract || !path.contains(0) else { return "a path has no zero byte" }
        guard path.count <= maximumPathLength else {
            return "the socket's path has \(path.count) bytes, and a socket's may have \(maximumPathLength)"
        }
        return nil
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func escaped(_ path: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in path {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                text.append(byte)
            } else {
                text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
