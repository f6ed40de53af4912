/// The first line of a connection to `DIR/vm-proxy.socket`. See `docs/protocol.md`, "Control socket".
public enum ControlRequest: Equatable, Sendable {
    /// `CONNECT NAME SERVICE [now]`: a stream to a service of a guest; `now` does not wait for the end of its boot.
    case connect(guest: String, service: String, now: Bool)
    /// `STATUS`: what the proxy knows, as JSON.
    case status
    /// `GUEST NAME TOKEN`: registers a guest for as long as the connection lives; TOKEN in hexadecimal, `-` for none.
    case guest(name: String, token: [UInt8])
    /// `LOGS NAME [follow]`: what the guest's boot and console have said, `LogLine`s; `follow` goes on until the guest is gone.
    case logs(guest: String, follow: Bool)
    /// `WATCH NAME`: nothing, until the guest is gone; then `GONE reason`.
    case watch(guest: String)

    /// Why a line is no request.
    public struct Fault: Error, Equatable, Sendable {
        /// One sentence.
        public var text: String
    }

    /// Reads a line, without its line feed.
    public init(line: String) throws(Fault) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        func service(_ text: String) throws(Fault) -> String {
            if let fault = ControlSocket.fault(inService: text) { throw Fault(text: "that is no service: \(fault)") }
            return text
        }
        func checked(_ name: String) throws(Fault) -> String {
            if let fault = ControlSocket.fault(inGuestName: name) { throw Fault(text: "'\(name)' is no guest's name: \(fault)") }
            return name
        }
        switch (words[0], words.count) {
        case ("STATUS", 1): self = .status
        case ("CONNECT", 3),
            ("CONNECT", 4) where words[3] == "now":
            self = .connect(guest: try checked(words[1]), service: try service(words[2]), now: words.count == 4)
        case ("CONNECT", _): throw Fault(text: "usage: CONNECT NAME SERVICE [now]")
        case ("GUEST", 3):
            guard let token = words[2] == "-" ? [] : Self.bytes(hexadecimal: words[2]) else {
                throw Fault(text: "the token must be hexadecimal, at most 128 bytes, or -")
            }
            self = .guest(name: try checked(words[1]), token: token)
        case ("GUEST", _): throw Fault(text: "usage: GUEST NAME TOKEN")
        case ("LOGS", 2),
            ("LOGS", 3) where words[2] == "follow":
            self = .logs(guest: try checked(words[1]), follow: words.count == 3)
        case ("LOGS", _): throw Fault(text: "usage: LOGS NAME [follow]")
        case ("WATCH", 2): self = .watch(guest: try checked(words[1]))
        case ("WATCH", _): throw Fault(text: "usage: WATCH NAME")
        default: throw Fault(text: "no such request; there are CONNECT, GUEST, LOGS, STATUS and WATCH")
        }
    }

    /// The line, without its line feed.
    public var line: String {
        switch self {
        case .connect(let guest, let service, let now): "CONNECT \(guest) \(service)\(now ? " now" : "")"
        case .status: "STATUS"
        case .guest(let name, let token): "GUEST \(name) \(token.isEmpty ? "-" : Self.hexadecimal(token))"
        case .logs(let guest, let follow): "LOGS \(guest)\(follow ? " follow" : "")"
        case .watch(let guest): "WATCH \(guest)"
        }
    }

    /// The word before the reason in the last line of the answer to `WATCH`.
    public static let gone = "GONE"

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
    /// `CONSOLE TEXT`: the guest's console printed this line; it comes without control characters.
    case console(String)

    /// Reads a line, without its line feed; nil when it is none of these.
    public init?(line: String) {
        if line.hasPrefix("CONSOLE ") {
            self = .console(String(line.dropFirst(8)))
            return
        }
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
        case .console(let text): "CONSOLE \(text)"
        }
    }

    /// The proxy's answer to `BYE`.
    public static let byeReply = "BYE"
    /// The same, when the proxy ends with this guest.
    public static let lastByeReply = "BYE last"
}
