internal import AgentProtocol
internal import LinuxSystem

/// A file that is being received. It comes into its place when it is complete, and before that nothing can be seen of it.
final class IncomingFile {
    let entry: CopyEntry
    let name: FileName
    private let path: [UInt8]
    private let directory: OpenDirectory
    private let names: TemporaryNames
    /// Nil while the content is held.
    private var file: NewFile?
    private var held: [UInt8] = []

    /// A file of up to so many bytes is made only when it is complete: until then there is nothing to leave behind.
    private static let heldLength = 64 << 10

    /// A file `name` in `directory`, which stays open as long as this.
    init(_ entry: CopyEntry, _ name: FileName, in directory: OpenDirectory, _ path: [UInt8], _ names: TemporaryNames) throws(CopyFault) {
        self.entry = entry
        self.name = name
        self.path = path
        self.directory = directory
        self.names = names
        if case .file(let size?, _) = entry.kind, size <= UInt64(IncomingFile.heldLength) { return }
        try make(isBrief: false)
    }

    /// Makes the file, and writes what was held of it.
    private func make(isBrief: Bool) throws(CopyFault) {
        guard file == nil else { return }
        file = try CopyFault.wrapping(path, "cannot be made") { () throws(Errno) in
            try NewFile(in: directory, isBrief: isBrief, names)
        }
        if case .file(let size?, _) = entry.kind { file?.expect(size) }
        let bytes = held
        held = []
        var fault: CopyFault?
        bytes.withUnsafeBytes { bytes in
            do throws(CopyFault) { try write(bytes) } catch { fault = error }
        }
        if let fault { throw fault }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CopyFault) {
        if file == nil {
            guard held.count + bytes.count > IncomingFile.heldLength else { return held.append(contentsOf: bytes) }
            try make(isBrief: false)
        }
        try CopyFault.wrapping(path, "cannot be written") { () throws(Errno) in try file?.write(bytes) }
    }

    /// As many zeros follow, which take no room.
    func skip(_ length: UInt64) throws(CopyFault) {
        try make(isBrief: false)
        file?.skip(length)
    }

    /// Puts it in its place.
    ///
    /// - Returns: what tells the file from others, where it may get further names, and what it could not be given of its attributes.
    func finish(_ attributes: Attributes) throws(CopyFault) -> (file: FileIdentity?, fault: CopyFault?) {
        try make(isBrief: true)
        guard let file else { throw CopyFault.damaged(path) }
        let identity: FileIdentity? = try CopyFault.wrapping(path, "cannot be written") { () throws(Errno) in
            try file.complete()
            return entry.linkNumber == nil ? nil : try file.descriptor.status().identity
        }
        var fault: CopyFault?
        do throws(CopyFault) { try attributes.set(entry, on: file.descriptor, path) } catch { fault = error }
        self.file = nil
        try CopyFault.wrapping(path, "cannot be put in place") { () throws(Errno) in try file.place(as: name, names) }
        return (identity, fault)
    }

    /// Why it is not put in its place when what arrived is not what was sent.
    var damage: CopyFault { CopyFault.damaged(path) }

    /// Leaves nothing of it.
    func discard() {
        file?.discard()
        file = nil
    }
}
