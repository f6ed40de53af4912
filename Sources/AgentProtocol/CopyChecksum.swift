/// XXH64 with seed 0: the checksum of a copied file. It needs no table, is several times faster than the link, and every
/// language has it.
///
/// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
public struct CopyChecksum: Sendable {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5
    private static let stripe = 32

    private var lanes = Lanes()
    private var total: UInt64 = 0
    /// The beginning of a stripe, when the bytes so far end inside one.
    private var tail: [UInt8] = []

    private struct Lanes {
        var a = CopyChecksum.prime1 &+ CopyChecksum.prime2
        var b = CopyChecksum.prime2
        var c: UInt64 = 0
        var d = 0 &- CopyChecksum.prime1

        /// Takes whole stripes from the front of `bytes`; returns how many bytes that were.
        mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int {
            guard let start = bytes.baseAddress else { return 0 }
            let length = bytes.count / CopyChecksum.stripe * CopyChecksum.stripe
            // Without a branch for each load, and with few turns: an emulated processor pays for each of them.
            let pairs = start + length / (2 * CopyChecksum.stripe) * (2 * CopyChecksum.stripe)
            var (a, b, c, d) = (self.a, self.b, self.c, self.d)
            var next = start
            while next < pairs {
                CopyChecksum.take(next, &a, &b, &c, &d)
                CopyChecksum.take(next + CopyChecksum.stripe, &a, &b, &c, &d)
                next += 2 * CopyChecksum.stripe
            }
            if next < start + length { CopyChecksum.take(next, &a, &b, &c, &d) }
            (self.a, self.b, self.c, self.d) = (a, b, c, d)
            return length
        }
    }

    /// Of no bytes.
    public init() { tail.reserveCapacity(CopyChecksum.stripe) }

    /// Adds bytes; how they are divided among calls makes no difference.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        total &+= UInt64(bytes.count)
        var rest = bytes
        if !tail.isEmpty {
            let count = min(rest.count, CopyChecksum.stripe - tail.count)
            tail.append(contentsOf: rest[..<count])
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            guard tail.count == CopyChecksum.stripe else { return }
            tail.withUnsafeBytes { _ = lanes.take($0) }
            tail.removeAll(keepingCapacity: true)
        }
        let taken = lanes.take(rest)
        tail.append(contentsOf: rest[taken...])
    }

    /// The checksum of all bytes so far.
    public var value: UInt64 {
        var hash: UInt64
        if total >= UInt64(CopyChecksum.stripe) {
            hash = lanes.a.rotated(1) &+ lanes.b.rotated(7) &+ lanes.c.rotated(12) &+ lanes.d.rotated(18)
            for lane in [lanes.a, lanes.b, lanes.c, lanes.d] {
                hash = (hash ^ CopyChecksum.round(0, lane)) &* CopyChecksum.prime1 &+ CopyChecksum.prime4
            }
        } else {
            hash = CopyChecksum.prime5
        }
        hash = tail.withUnsafeBytes { CopyChecksum.mix($0, into: hash &+ total) }
        hash = (hash ^ (hash >> 33)) &* CopyChecksum.prime2
        hash = (hash ^ (hash >> 29)) &* CopyChecksum.prime3
        return hash ^ (hash >> 32)
    }

    private static func mix(_ tail: UnsafeRawBufferPointer, into start: UInt64) -> UInt64 {
        var hash = start
        var offset = 0
        while tail.count - offset >= 8, let start = tail.baseAddress {
            hash = (hash ^ round(0, word(start, offset))).rotated(27) &* prime1 &+ prime4
            offset += 8
        }
        if tail.count - offset >= 4 {
            let half = UInt64(UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            hash = (hash ^ half &* prime1).rotated(23) &* prime2 &+ prime3
            offset += 4
        }
        for byte in tail[offset...] { hash = (hash ^ UInt64(byte) &* prime5).rotated(11) &* prime1 }
        return hash
    }

    /// Takes one stripe.
    @inline(__always) private static func take(
        _ stripe: UnsafeRawPointer, _ a: inout UInt64, _ b: inout UInt64, _ c: inout UInt64, _ d: inout UInt64
    ) {
        a = round(a, word(stripe, 0))
        b = round(b, word(stripe, 8))
        c = round(c, word(stripe, 16))
        d = round(d, word(stripe, 24))
    }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        (lane &+ input &* prime2).rotated(31) &* prime1
    }

    @inline(__always) private static func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension UInt64 {
    fileprivate func rotated(_ bits: UInt64) -> UInt64 { self &<< bits | self &>> (64 &- bits) }
}
