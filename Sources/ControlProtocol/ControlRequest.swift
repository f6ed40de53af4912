/// The first line of a connection to `DIR/vm-proxy.socket`. See `docs/protocol.md`, "Control socket".
public enum ControlRequest: Equatable, Sendable {
    /// `CONNECT NAME SERVICE [now]`: a stream to a service of a guest; `now` does not wait for the end of its boot.
    case connect(guest: String, service: String, now: Bool)
    /// `STATUS`: what the proxy knows, as JSON.
    case status
    /// `GUEST NAME TOKEN`: registers a guest for as long as the connection lives; TOKEN in hexadecimal, `-` for none.
    case guest(name: String, token: [UInt8])

    /// Why a line is no request.
    public struct Fault: Error, Equatable, Sendable {
        /// One sentence.
        public var text: String
    }

    /// Reads a line, without its line feed.
    public init(line: String) throws(Fault) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        func checked(_ name: String) throws(Fault) -> String {
            if let fault = ControlSocket.fault(inGuestName: name) { throw Fault(text: "'\(name)' is no guest's name: \(fault)") }
            return name
        }
        switch (words[0], words.count) {
        case ("STATUS", 1): self = .status
        case ("CONNECT", 3): self = .connect(guest: try checked(words[1]), service: words[2], now: false)
        case ("CONNECT", 4) where words[3] == "now": self = .connect(guest: try checked(words[1]), service: words[2], now: true)
        case ("CONNECT", _): throw Fault(text: "usage: CONNECT NAME SERVICE [now]")
        case ("GUEST", 3):
            guard let token = words[2] == "-" ? [] : Self.bytes(hexadecimal: words[2]) else {
                throw Fault(text: "the token must be hexadecimal, at most 128 bytes, or -")
            }
            self = .guest(name: try checked(words[1]), token: token)
        case ("GUEST", _): throw Fault(text: "usage: GUEST NAME TOKEN")
        default: throw Fault(text: "no such request; there are CONNECT, GUEST and STATUS")
        }
    }

    /// The line, without its line feed.
    public var line: String {
        switch self {
        case .connect(let guest, let service, let now): "CONNECT \(guest) \(service)\(now ? " now" : "")"
        case .status: "STATUS"
        case .guest(let name, let token): "GUEST \(name) \(token.isEmpty ? "-" : Self.hexadecimal(token))"
        }
    }

    /// Two digits a byte.
    public static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The bytes of an even number of hexadecimal digits, at most 256; nil for anything else.
    public static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard !digits.isEmpty, digits.count % 2 == 0, digits.count <= 256 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}

/// What a registered guest's launcher may say after its `GUEST` line.
public enum GuestRequest: Equatable, Sendable {
    /// `PID N`: the VM's process, which the proxy ends when the launcher vanishes without a `BYE`.
    case process(Int32)
    /// `BYE`: the guest is gone; nothing is to be ended.
    case bye

    /// Reads a line, without its line feed; nil when it is neither.
    public init?(line: String) {
        if line == "BYE" {
            self = .bye
            return
        }
        guard line.hasPrefix("PID "), let identifier = Int32(line.dropFirst(4)), identifier > 1 else { return nil }
        self = .process(identifier)
    }

    /// The line, without its line feed.
    public var line: String {
        switch self {
        case .process(let identifier): "PID \(identifier)"
        case .bye: "BYE"
        }
    }

    /// The proxy's answer to `BYE`.
    public static let byeReply = "BYE"
    /// The same, when the proxy ends with this guest.
    public static let lastByeReply = "BYE last"
}
