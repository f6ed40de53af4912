internal import CLinux
internal import LinuxSystem

/// A file that is being written and not yet in its place: it has no name, or, where the filesystem must have one, a temporary
/// one in the same directory. A value: end it with `place` or `discard`, once.
struct NewFile {
    private let directory: OpenDirectory
    let descriptor: FileDescriptor
    /// Nil when it has no name: then nothing of it is left whatever happens to this process.
    private let temporary: FileName?
    private var position: Int64 = 0
    private var size: Int64 = 0
    /// How long it is said to become, where it is in memory and large pages of that may be had; else nil.
    private var expectedSize: Int64?
    /// The large page that is being filled, and where the last one ends.
    private var page: LargePage?
    private var lastPageEnd: Int64 = 0

    /// Makes an empty one in `directory`.
    ///
    /// - Parameter isBrief: whether it will be in its place at once, with nothing to wait for. Such a one does not need to be
    ///   without a name, which costs twice the time.
    init(in directory: OpenDirectory, isBrief: Bool, _ names: TemporaryNames) throws(Errno) {
        self.directory = directory
        if !isBrief, names.canDoWithout {
            do throws(Errno) {
                descriptor = try directory.createUnnamedFile()
                temporary = nil
                return
            } catch {
                // The filesystem cannot, or old kernels' ways to say so.
                guard [Errno(EOPNOTSUPP), Errno(EISDIR), .invalid, .noSuchFile].contains(error) else { throw error }
            }
        }
        (temporary, descriptor) = try names.make { name throws(Errno) in try directory.createFile(name) }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = bytes
        while !rest.isEmpty {
            let count = min(rest.count, roomUntilTurn)
            let part = UnsafeRawBufferPointer(rebasing: rest[..<count])
            if let page = pageAtPosition() { page.write(part, at: position) } else { try descriptor.writeAll(part, at: position) }
            position += Int64(count)
            size = max(size, position)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// As many zeros follow, which take no room.
    mutating func skip(_ length: UInt64) {
        let start = position
        position += Int64(length)
        // A hole is to be one also where it begins in a large page, which is not one then.
        if start < lastPageEnd { try? descriptor.punchHole(at: start, min(position, lastPageEnd) - start) }
        // Who sends a byte and a hole again and again does not get a large page zeroed for each.
        if let page, start - page.offset < LargePage.size / 2 { expectedSize = nil }
        page = nil
    }

    // MARK: Large pages

    /// It is said to become `size` bytes long, which nothing depends on.
    mutating func expect(_ size: UInt64) {
        // One without a name has nobody else who would make it shorter.
        guard let size = Int64(exactly: size), size >= LargePage.size, temporary == nil, descriptor.isInMemory else { return }
        expectedSize = size
    }

    /// How many bytes can be written before the next large page may begin.
    private var roomUntilTurn: Int { expectedSize == nil && page == nil ? .max : Int(LargePage.size - position % LargePage.size) }

    /// The large page that is at the position, a new one where one may begin there and all of it is to be written.
    private mutating func pageAtPosition() -> LargePage? {
        if let page, position < page.end { return page }
        page = nil
        guard let expectedSize, position % LargePage.size == 0, position <= expectedSize - LargePage.size else { return nil }
        do throws(Errno) {
            if size < expectedSize { try descriptor.setSize(expectedSize) }
            size = expectedSize
            page = LargePage(of: descriptor, at: position)
        } catch {}
        // There are none, or none left. Writing says what is really wrong.
        if let page { lastPageEnd = page.end } else { self.expectedSize = nil }
        return page
    }

    /// Makes it as long as what was sent, also when it ends in a hole or less came than was expected.
    func complete() throws(Errno) { if position != size { try descriptor.setSize(position) } }

    /// Gives it its name, in place of a file or link that has it. It is closed then, and when this fails nothing is left of it.
    func place(as name: FileName, _ names: TemporaryNames) throws(Errno) {
        var temporary = temporary
        do throws(Errno) {
            if temporary != nil {
                // Some filesystems say only here that the disk is full.
                try descriptor.closeChecked()
            } else {
                defer { descriptor.close() }
                do throws(Errno) { return try directory.name(descriptor, name) } catch {
                    guard error == .exists else { throw error }
                }
                temporary = try names.make { name throws(Errno) in try directory.name(descriptor, name) }.0
            }
            if let temporary { try directory.rename(temporary, to: name) }
        } catch {
            if let temporary { try? directory.remove(temporary) }
            throw error
        }
    }

    /// Leaves nothing of it.
    func discard() {
        descriptor.close()
        if let temporary { try? directory.remove(temporary) }
    }
}

/// Names for what is not yet in its place, none of them twice.
final class TemporaryNames {
    /// Whether files can do without: they get their name through `/proc`.
    let canDoWithout = Files.exists("/proc/self/fd")
    private let prefix = ".vm-cp.\(getpid())."
    private var count: UInt32 = 0

    /// Lets `make` make something under a name that is free.
    func make<Value>(_ make: (FileName) throws(Errno) -> Value) throws(Errno) -> (FileName, Value) {
        var attempts = 0
        while true {
            let name = next()
            do throws(Errno) { return (name, try make(name)) } catch {
                // A name may be left over from an earlier process of the same number.
                attempts += 1
                guard error == .exists, attempts < 1000 else { throw error }
            }
        }
    }

    // Not repeated in every use of `make`, which is generic.
    @inline(never) private func next() -> FileName {
        count &+= 1
        return FileName(prefix + String(count))
    }
}
