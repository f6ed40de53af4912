/// The bytes that wait with the owners of a link's streams, also with those whose stream is over.
struct HeldBytes {
    private(set) var count = 0
    private var byOwner: [ObjectIdentifier: any LinkStreamOwner] = [:]

    /// Who holds any.
    var holders: [any LinkStreamOwner] { Array(byOwner.values) }

    /// More or fewer wait with an owner, which has so many in all.
    mutating func change(by change: Int, of owner: any LinkStreamOwner, inAll held: Int) {
        count += change
        byOwner[ObjectIdentifier(owner)] = held > 0 ? owner : nil
    }
}
