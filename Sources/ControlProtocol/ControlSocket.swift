/// The socket files of a proxy's directory, and the names that guests may have.
public enum ControlSocket {
    /// `DIR/vm-proxy.socket`: one request line a connection.
    public static let name = "vm-proxy.socket"
    /// `DIR/.vm-proxy-links.socket`: takes guests' links as file descriptors.
    public static let linksName = ".vm-proxy-links.socket"
    /// Why a proxy that is about to end takes no more guests: another one may be started in its place.
    public static let endingReason = "the proxy is ending"

    /// How the reason begins for which a proxy refuses what concerns a guest that it does not know.
    public static func unknownGuestReason(_ name: String) -> String { "no guest '\(name)' here" }
    /// The most bytes that a request line may have, its line feed included.
    public static let maximumLineLength = 512
    /// The most bytes that a launcher's line may have after its `GUEST` line, its line feed included: a line of a console.
    public static let maximumLauncherLineLength = 2048
    /// The longest path of a socket file: `sun_path` has 108 bytes with the zero at its end (`man 7 unix`).
    public static let maximumPathLength = 107

    /// The file name of the socket that takes guest `name`'s links: QEMU connects a chardev to it, and again whenever it is lost.
    public static func linkSocketName(of name: String) -> String { ".\(name).link.socket" }

    /// The guest whose link socket has this file name; nil when it is none's.
    public static func guestName(ofLinkSocket file: String) -> String? {
        let suffix = ".link.socket"
        guard file.hasPrefix("."), file.hasSuffix(suffix) else { return nil }
        let name = String(file.dropFirst().dropLast(suffix.count))
        return fault(inGuestName: name) == nil ? name : nil
    }

    /// The file name of guest `name`'s shell socket.
    public static func shellSocketName(of name: String) -> String { "\(name).socket" }

    /// What is wrong with `service` as the word for a service in `CONNECT`, or nil: visible ASCII, at most 400 bytes. Whether
    /// there is such a service is the agent's to say.
    public static func fault(inService service: String) -> String? {
        guard !service.isEmpty else { return "it is empty" }
        guard service.utf8.count <= 400 else { return "it has more than 400 bytes" }
        guard service.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return "it may have visible ASCII characters only" }
        return nil
    }

    /// What is wrong with `name` as a guest's name, or nil: letters, digits, `.`, `_` and `-`, the first a letter or digit, at
    /// most 63, and not `vm-proxy`.
    public static func fault(inGuestName name: String) -> String? {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = name.utf8.first else { return "it is empty" }
        guard name.utf8.count <= 63 else { return "it has more than 63 characters" }
        guard name != "vm-proxy" else { return "it is the proxy's own" }
        guard isAlphanumeric(first) else { return "it must begin with a letter or a digit" }
        guard name.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") })
        else { return "it may have letters, digits, '.', '_' and '-' only" }
        return nil
    }
}
