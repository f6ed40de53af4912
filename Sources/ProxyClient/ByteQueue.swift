/// Bytes that wait to be written, in order.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var head = 0

    /// How many bytes wait.
    var count: Int { bytes.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ new: some Collection<UInt8>) {
        if isEmpty {
            bytes.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 256 << 10 {
            bytes.removeFirst(head)
            head = 0
        }
        bytes.append(contentsOf: new)
    }

    /// Drops everything: nobody can take it any more.
    mutating func removeAll() { (bytes, head) = ([], 0) }

    /// Shows the first bytes, at most `limit`, to `body` and drops as many as `body` says it used.
    mutating func consume<Failure>(upTo limit: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Int) throws(Failure) {
        let end = head + min(limit, count)
        var used = 0
        var failure: Failure?
        bytes.withUnsafeBytes { buffer in
            do throws(Failure) {
                used = try body(UnsafeRawBufferPointer(rebasing: buffer[head..<end]))
            } catch { failure = error }
        }
        if let failure { throw failure }
        head += min(max(0, used), end - head)
    }
}
