/// Which identifiers the peer has used. They need not arrive in order: the original takes one and announces it in two steps,
/// so threads that open streams together overtake each other. Those that are far behind the highest count as used.
struct PeerIdentifiers: Sendable {
    /// How far one may be behind, in streams. The original has at most its backlog in flight, 256.
    static let reach: UInt32 = 1024

    private(set) var highest: UInt32 = 0
    /// One bit for each of the last `reach` identifiers, as a ring.
    private var used = [UInt64](repeating: 0, count: Int(reach) / 64)

    /// Whether the peer has opened a stream with this identifier, which has the peer's parity.
    func contains(_ identifier: UInt32) -> Bool {
        if identifier > highest { return false }
        return highest - identifier >= 2 * PeerIdentifiers.reach || isMarked(identifier)
    }

    /// Takes note of a new identifier of the peer's parity; false when it was used.
    mutating func insert(_ identifier: UInt32) -> Bool {
        guard !contains(identifier) else { return false }
        if identifier > highest {
            let step = (identifier - highest) / 2
            if step >= PeerIdentifiers.reach {
                for index in used.indices { used[index] = 0 }
            } else {
                for skipped in 0..<step { unmark(identifier - 2 * skipped) }
            }
            highest = identifier
        }
        let place = PeerIdentifiers.place(identifier)
        used[place.word] |= place.bit
        return true
    }

    private func isMarked(_ identifier: UInt32) -> Bool {
        let place = PeerIdentifiers.place(identifier)
        return used[place.word] & place.bit != 0
    }

    private mutating func unmark(_ identifier: UInt32) {
        let place = PeerIdentifiers.place(identifier)
        used[place.word] &= ~place.bit
    }

    private static func place(_ identifier: UInt32) -> (word: Int, bit: UInt64) {
        let slot = identifier / 2 % reach
        return (Int(slot / 64), 1 << UInt64(slot % 64))
    }
}
