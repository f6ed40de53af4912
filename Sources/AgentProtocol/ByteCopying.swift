extension [UInt8] {
    /// Adds bytes in one copy.
    ///
    /// In Embedded Swift optimised for size, `append(contentsOf:)` of anything but raw bytes, and every growth, go byte by byte:
    /// ten times slower, where all of a link's bytes pass.
    public mutating func append(copying more: UnsafeRawBufferPointer) {
        let (length, needed) = (count, count + more.count)
        if capacity < needed {
            self = [UInt8](unsafeUninitializedCapacity: Swift.max(needed, 2 * length)) { buffer, initialized in
                self.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
                initialized = length
            }
        }
        append(contentsOf: more)
    }

    /// The bytes from `start` on, in one copy; see `append(copying:)`.
    public func copy(from start: Int) -> [UInt8] {
        withUnsafeBytes { Array(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }
}
