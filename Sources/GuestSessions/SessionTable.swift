/// What there is by number, and which of it has ended: of that, the newest are remembered.
struct SessionTable<Entry> {
    /// How many ended sessions are remembered.
    static var memory: Int { 64 }

    /// By number: they only grow.
    private(set) var entries: [(id: SessionID, entry: Entry)] = []
    /// The ended ones, oldest first.
    private var ended: [SessionID] = []
    private var next: SessionID = 1

    /// A number that no session of this boot has or had.
    mutating func makeID() -> SessionID {
        defer { next += 1 }
        return next
    }

    /// How many have not ended.
    var runningCount: Int { entries.count - ended.count }

    subscript(id: SessionID) -> Entry? { place(of: id).map { entries[$0].entry } }

    private func place(of id: SessionID) -> Int? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].id == id ? low : nil
    }

    /// Adds what has the newest number.
    mutating func add(_ entry: Entry, as id: SessionID) { entries.append((id, entry)) }

    mutating func remove(_ id: SessionID) {
        if let place = place(of: id) { entries.remove(at: place) }
        if let place = ended.firstIndex(of: id) { ended.remove(at: place) }
    }

    /// Notes that a session has ended, once. Returns the one that is forgotten for it, because too many newer ones have.
    mutating func noteEnd(of id: SessionID) -> Entry? {
        guard place(of: id) != nil, !ended.contains(id) else { return nil }
        ended.append(id)
        guard ended.count > SessionTable.memory, let oldest = ended.first else { return nil }
        defer { remove(oldest) }
        return self[oldest]
    }
}
