/// The 12 bytes before every yamux frame: version (1), type (1), flags (2), stream (4), length (4), big-endian.
///
/// Source: https://github.com/hashicorp/yamux/blob/master/spec.md
struct Header: Equatable {
    enum FrameType: UInt8 {
        case data = 0
        case windowUpdate = 1
        case ping = 2
        case goAway = 3
    }

    struct Flags: OptionSet {
        let rawValue: UInt16
        static let syn = Flags(rawValue: 1)
        static let ack = Flags(rawValue: 2)
        static let fin = Flags(rawValue: 4)
        static let rst = Flags(rawValue: 8)
    }

    static let size = 12
    static let version: UInt8 = 0

    var type: FrameType
    var flags: Flags
    var stream: UInt32
    /// Data: bytes that follow. Window update: the increment. Ping: its value. Go-away: the reason.
    var length: UInt32

    init(_ type: FrameType, _ flags: Flags = [], stream: UInt32 = 0, length: UInt32 = 0) {
        (self.type, self.flags, self.stream, self.length) = (type, flags, stream, length)
    }

    /// Reads the 12 bytes at the front of `bytes`, which has them.
    init(decoding bytes: UnsafeRawBufferPointer) throws(YamuxError) {
        guard bytes[0] == Header.version else { throw .badVersion(bytes[0]) }
        guard let type = FrameType(rawValue: bytes[1]) else { throw .badType(bytes[1]) }
        self.type = type
        flags = Flags(rawValue: UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        stream = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    }

    func append(to bytes: inout [UInt8]) {
        let head = UInt64(type.rawValue) << 48 | UInt64(flags.rawValue) << 32 | UInt64(stream)
        withUnsafeBytes(of: ((UInt64(Header.version) << 56 | head).bigEndian, length.bigEndian)) {
            bytes.append(contentsOf: $0[..<Header.size])
        }
    }

    /// Sets the length in the header that is at `start`.
    static func setLength(_ length: UInt32, at start: Int, in bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: length.bigEndian, toByteOffset: start + 8, as: UInt32.self) }
    }

    /// Adds `data` in frames of at most `maximumFrame` bytes.
    static func appendData(_ data: UnsafeRawBufferPointer, of stream: UInt32, maximumFrame: Int, to bytes: inout [UInt8]) {
        var sent = 0
        while sent < data.count {
            let length = min(data.count - sent, max(1, maximumFrame))
            Header(.data, stream: stream, length: UInt32(length)).append(to: &bytes)
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: data[sent..<sent + length]))
            sent += length
        }
    }
}
