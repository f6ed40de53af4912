internal import AgentProtocol
internal import LinuxSystem

/// Puts entries in their places below one directory, and nowhere else: every name is one component, every directory is opened
/// relative to the one above it and only when it is one, so that no symbolic link leads out, whoever made it.
final class TreeWriter: EntrySink {
    private let destination: CopyDestination
    private let attributes: Attributes
    private let names = TemporaryNames()
    /// The directory that the top comes into, then those that were entered.
    private var levels: [Level] = []
    private var topName: FileName?
    private var file: IncomingFile?
    /// The files with a link number, which are counted from 1; nil for one that has no place.
    private var links: [LinkedFile?] = []

    private struct Level {
        var directory: OpenDirectory
        /// What its entries' paths begin with.
        var prefix: [UInt8]
        var trail: Trail?
        /// The attributes that it gets when it is complete; nil when it keeps its own.
        var entry: CopyEntry?
    }

    /// How a directory was reached from the top, shared by all that is in it.
    private final class Trail {
        let above: Trail?
        let name: FileName

        init(_ above: Trail?, _ name: FileName) { (self.above, self.name) = (above, name) }
    }

    private struct LinkedFile {
        var trail: Trail?
        var name: FileName
        var file: FileIdentity
    }

    init(_ destination: CopyDestination) {
        self.destination = destination
        attributes = Attributes(keepsOwner: destination.keepsOwner, keepsSetID: destination.keepsSetID)
    }

    deinit { discard() }

    /// Closes everything and leaves no half file.
    func discard() {
        abandon()
        for level in levels { level.directory.close() }
        levels.removeAll()
    }

    // MARK: Entries

    func begin(_ entry: CopyEntry) throws(CopyFault) {
        let isDirectory = entry.kind == .directory
        if levels.isEmpty {
            let place = try destination.place(forDirectory: isDirectory)
            levels.append(Level(directory: place.directory, prefix: place.prefix))
            topName = place.name
        }
        let level = levels[levels.count - 1]
        guard let name = entry.name.isEmpty ? topName : FileName(entry.name) else { return try enterTop(level) }
        let path = level.prefix + name.bytes
        switch entry.kind {
        case .directory: try enter(entry, name, path, level)
        case .file:
            try checkReplaceable(name, path, level)
            file = try IncomingFile(entry, name, in: level.directory, path, names)
        case .symbolicLink(let target): try makeLink(entry, FileName(target), name, path, level)
        case .hardLink(let number): try link(number, name, path, level)
        }
    }

    /// The copy's own entries come into the directory that the user named, which stays as it is itself.
    private func enterTop(_ level: Level) throws(CopyFault) {
        let directory = try CopyFault.wrapping(level.prefix) { () throws(Errno) in try level.directory.directory(FileName(".")) }
        levels.append(Level(directory: directory, prefix: level.prefix))
    }

    private func enter(_ entry: CopyEntry, _ name: FileName, _ path: [UInt8], _ level: Level) throws(CopyFault) {
        let directory = try CopyFault.wrapping(path) { () throws(Errno) in
            do throws(Errno) { try level.directory.makeDirectory(name, mode: 0o700) } catch {
                guard error == .exists else { throw error }
            }
            return try level.directory.directory(name)
        }
        levels.append(
            Level(directory: directory, prefix: path + [UInt8(ascii: "/")], trail: Trail(level.trail, name), entry: entry))
    }

    func leave() throws(CopyFault) {
        guard let level = levels.popLast() else { return }
        defer { level.directory.close() }
        guard let entry = level.entry else { return }
        try attributes.set(entry, on: level.directory.descriptor, Array(level.prefix.dropLast()))
    }

    private func makeLink(
        _ entry: CopyEntry, _ target: FileName, _ name: FileName, _ path: [UInt8], _ level: Level
    ) throws(CopyFault) {
        try checkReplaceable(name, path, level)
        let directory = level.directory
        try CopyFault.wrapping(path, "cannot be made") { () throws(Errno) in
            do throws(Errno) { return try directory.makeLink(name, to: target) } catch {
                guard error == .exists else { throw error }
            }
            let (temporary, _) = try names.make { name throws(Errno) in try directory.makeLink(name, to: target) }
            try replace(name, by: temporary, in: directory)
        }
        try attributes.set(entry, onLink: name, in: directory, path)
    }

    private func replace(_ name: FileName, by temporary: FileName, in directory: OpenDirectory) throws(Errno) {
        do throws(Errno) { try directory.rename(temporary, to: name) } catch {
            try? directory.remove(temporary)
            throw error
        }
    }

    /// A copy replaces files and links, nothing else.
    private func checkReplaceable(_ name: FileName, _ path: [UInt8], _ level: Level) throws(CopyFault) {
        guard let status = try? level.directory.status(of: name) else { return }
        switch status.kind {
        case .directory: throw CopyFault(path, "is a directory, which a file does not replace")
        case .special(let what): throw CopyFault(path, special: what)
        case .file, .symbolicLink: break
        }
    }

    // MARK: Files

    func write(_ bytes: UnsafeRawBufferPointer) throws(CopyFault) { try file?.write(bytes) }

    func skip(_ length: UInt64) throws(CopyFault) { try file?.skip(length) }

    func abandon() {
        file?.discard()
        file = nil
    }

    func endFile(isIntact: Bool) throws(CopyFault) {
        defer { abandon() }
        guard let file, let level = levels.last else { return }
        guard isIntact else { throw file.damage }
        let (identity, fault) = try file.finish(attributes)
        if let number = file.entry.linkNumber, let identity {
            while links.count < number { links.append(nil) }
            links[number - 1] = LinkedFile(trail: level.trail, name: file.name, file: identity)
        }
        if let fault { throw fault }
    }

    // MARK: Hard links

    private func link(_ number: UInt32, _ name: FileName, _ path: [UInt8], _ level: Level) throws(CopyFault) {
        guard number <= links.count, let first = links[Int(number) - 1] else {
            throw CopyFault(path, "is another name of a file that was not copied")
        }
        try checkReplaceable(name, path, level)
        let here = level.directory
        try CopyFault.wrapping(path, "cannot be linked") { () throws(Errno) in
            let there = try open(first.trail)
            defer { there.close() }
            // Something else may have the first name by now.
            guard try there.status(of: first.name).identity == first.file else { throw .noSuchFile }
            do throws(Errno) { return try here.link(name, to: first.name, in: there) } catch {
                guard error == .exists else { throw error }
            }
            let (temporary, _) = try names.make { name throws(Errno) in try here.link(name, to: first.name, in: there) }
            try replace(name, by: temporary, in: here)
            // Renaming one name of a file to another of its own does nothing.
            try? here.remove(temporary)
        }
    }

    /// Opens a directory of this copy again, from the top.
    private func open(_ trail: Trail?) throws(Errno) -> OpenDirectory {
        var names: [FileName] = [FileName(".")]
        var place = trail
        while let here = place {
            names.insert(here.name, at: 1)
            place = here.above
        }
        var directory = try levels[0].directory.directory(names[0])
        for name in names.dropFirst() {
            let above = directory
            defer { above.close() }
            directory = try above.directory(name)
        }
        return directory
    }
}
