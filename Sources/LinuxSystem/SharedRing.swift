internal import CLinux

/// Bytes on their way from one process to another through memory that both have, in place of a pipe, whose bytes the kernel copies twice.
///
/// Beside it the two share a pair of sockets (`FileDescriptor.packetPair`), the bell: who waits says so in the memory, and the other then
/// sends a byte. So there is no system call while neither waits, the end of one is the end of its socket, and a poll can wait for both.
///
/// The memory begins with five words of 64 bits, each in a cache line of its own: how many bytes the writer has ever written, how many the
/// reader has taken, whether the reader waits, whether the writer does, and a number by which it is known. The bytes themselves begin
/// with the second page.
public final class SharedRing {
    private enum Word: Int {
        case written = 0
        case taken = 64
        case readerWaits = 128
        case writerWaits = 192
        case mark = 256
    }

    private static let contentStart = 4096
    private static let mark: UInt64 = 0x3147_4e49_5256_4d56

    private let memory: UnsafeMutableRawBufferPointer
    /// Up to where the writer's memory has room: there is more when it is needed, since a short copy does not.
    private var reserved = 0
    private static let reservation = 512 << 10
    /// Whether the writer has asked to be woken, and has written nothing since.
    public private(set) var isWaiting = false
    /// How many bytes it holds at most.
    private var capacity: Int { memory.count - SharedRing.contentStart }

    private init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    deinit { linux_unmap(memory.baseAddress, memory.count) }

    /// A ring for so many bytes, with nothing in it, and the memory for the other process to map, which is the caller's to close.
    public static func make(capacity: Int) throws(Errno) -> (ring: SharedRing, memory: FileDescriptor) {
        let length = contentStart + capacity
        let number = linux_memory_file("ring", length)
        guard number >= 0 else { throw .current }
        let descriptor = FileDescriptor(rawValue: number)
        do throws(Errno) {
            let ring = SharedRing(try map(descriptor, length))
            do throws(Errno) { try ring.reserve(upTo: contentStart) } catch {
                // An old kernel.
                guard error == .invalid else { throw error }
                if linux_reserve(number, 0, Int64(length)) < 0 { throw .current }
                ring.reserved = length
            }
            ring.store(.mark, mark)
            return (ring, descriptor)
        } catch {
            descriptor.close()
            throw error
        }
    }

    /// The ring in the memory that another process has made.
    ///
    /// - Throws: `invalid` where that is something else.
    public convenience init(_ memory: FileDescriptor) throws(Errno) {
        let status = try memory.status()
        guard status.kind.isFile, status.size >= SharedRing.contentStart + 4, status.size < 1 << 30 else { throw .invalid }
        self.init(try SharedRing.map(memory, Int(status.size)))
        guard load(.mark) == SharedRing.mark else { throw .invalid }
    }

    /// Makes room for so many bytes of the memory, and some more.
    private func reserve(upTo end: Int) throws(Errno) {
        guard end > reserved else { return }
        let step = SharedRing.reservation
        let more = min((end - reserved + step - 1) / step * step, memory.count - reserved)
        if linux_populate(memory.baseAddress.map { $0 + reserved }, more) < 0 { throw .current }
        reserved += more
    }

    private static func map(_ memory: FileDescriptor, _ length: Int) throws(Errno) -> UnsafeMutableRawBufferPointer {
        guard let start = linux_map_shared(memory.rawValue, 0, length) else { throw .current }
        return UnsafeMutableRawBufferPointer(start: start, count: length)
    }

    // MARK: The writer

    /// Copies in what there is room for and wakes a reader that waits; returns how many bytes that were.
    ///
    /// - Throws: EPIPE or ECONNRESET when the reader is gone and was waiting; `invalid` when it has written nonsense into the memory; ENOMEM.
    public func write(_ bytes: UnsafeRawBufferPointer, bell: FileDescriptor) throws(Errno) -> Int {
        let written = load(.written)
        let used = written &- load(.taken)
        guard used <= UInt64(capacity) else { throw .invalid }
        let count = min(bytes.count, capacity - Int(used))
        guard count > 0 else { return 0 }
        if isWaiting {
            isWaiting = false
            store(.writerWaits, 0)
        }
        let start = Int(written % UInt64(capacity))
        let first = min(count, capacity - start)
        try reserve(upTo: SharedRing.contentStart + start + first)
        content(start, first).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
        content(0, count - first).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first..<count]))
        store(.written, written &+ UInt64(count))
        try ring(bell, ifSet: .readerWaits)
        return count
    }

    /// Asks to be woken when there is room; false when there is some already.
    public func waitForRoom() -> Bool {
        isWaiting = true
        store(.writerWaits, 1)
        return load(.written) &- load(.taken) >= UInt64(capacity)
    }

    // MARK: The reader

    /// Asks to be woken when something comes; false when something is there already.
    public func waitForBytes() -> Bool {
        guard load(.written) == load(.taken) else { return false }
        store(.readerWaits, 1)
        return load(.written) == load(.taken)
    }

    /// Bytes that are there, where they lie: not always all, never more than a quarter of the ring, none when the writer is gone, nil when
    /// there is nothing now. They stay until `take`, as long as this ring is not deinitialised.
    public func next(bell: FileDescriptor) throws(Errno) -> UnsafeRawBufferPointer? {
        if let bytes = try front() { return bytes }
        // The writer's last bytes came before its end.
        let isOver = try !SharedRing.hear(bell)
        return try front() ?? (isOver ? UnsafeRawBufferPointer(start: nil, count: 0) : nil)
    }

    private func front() throws(Errno) -> UnsafeRawBufferPointer? {
        let taken = load(.taken)
        let used = load(.written) &- taken
        guard used > 0 else { return nil }
        guard used <= UInt64(capacity) else { throw .invalid }
        let start = Int(taken % UInt64(capacity))
        // In parts, so that the writer may go on before all is used.
        return UnsafeRawBufferPointer(content(start, min(Int(used), capacity - start, capacity / 4)))
    }

    /// So many of the bytes that `next` showed are used; wakes a writer that waits.
    public func take(_ count: Int, bell: FileDescriptor) throws(Errno) {
        let taken = load(.taken) &+ UInt64(count)
        store(.taken, taken)
        // Not for every little room: each turn of the other costs a change of processes.
        guard load(.written) &- taken <= UInt64(capacity / 2) else { return }
        do throws(Errno) { try ring(bell, ifSet: .writerWaits) } catch {
            // One that is gone waits no more, and what it has written before is still here.
            guard error == .brokenPipe || error == .connectionReset else { throw error }
        }
    }

    // MARK: The bell

    /// Takes what has come through a non-blocking bell; false when the other side is gone.
    public static func hear(_ bell: FileDescriptor) throws(Errno) -> Bool {
        var bytes: UInt64 = 0
        do throws(Errno) {
            return try withUnsafeMutableBytes(of: &bytes) { buffer throws(Errno) in try bell.read(into: buffer) } != 0
        } catch {
            // What one that is gone has not heard itself.
            guard error == .connectionReset else { throw error }
            return false
        }
    }

    private func ring(_ bell: FileDescriptor, ifSet word: Word) throws(Errno) {
        guard linux_shared_exchange(address(word), 0) == 1 else { return }
        var byte: UInt8 = 1
        // One that is full is heard anyway.
        _ = try withUnsafeBytes(of: &byte) { bytes throws(Errno) in try bell.write(bytes) }
    }

    // MARK: The memory

    private func content(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[(SharedRing.contentStart + start)..<(SharedRing.contentStart + start + count)])
    }

    private func address(_ word: Word) -> UnsafeMutableRawPointer? { memory.baseAddress.map { $0 + word.rawValue } }
    private func load(_ word: Word) -> UInt64 { linux_shared_load(address(word)) }
    private func store(_ word: Word, _ value: UInt64) { linux_shared_store(address(word), value) }
}
