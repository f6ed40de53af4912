/// Writes an archive in cpio's "new ASCII" format, the one that Linux unpacks as an initramfs (`man 5 cpio`, "newc";
/// `Documentation/driver-api/early-userspace/buffer-format.rst`).
///
/// The bytes depend on the archive only: entries are sorted, inode numbers count from 0, owner, group, times and devices
/// are 0.
struct CpioWriter {
    static let trailerName = "TRAILER!!!"
    private static let blockSize = 512
    private static let headerSize = 110

    private var bytes: [UInt8] = []
    private var inode: UInt32 = 0

    /// The archive's bytes, padded to a multiple of 512 as GNU cpio does.
    static func bytes(of archive: Archive) -> [UInt8] {
        var writer = CpioWriter()
        let names = archive.sortedNames
        writer.bytes.reserveCapacity(writer.size(of: archive, names))
        for name in names {
            guard let node = archive.nodes[name] else { continue }
            writer.write(name, node)
        }
        writer.writeEntry(trailerName, inode: 0, mode: 0, links: 1, content: [])
        writer.pad(to: blockSize)
        return writer.bytes
    }

    private mutating func write(_ name: String, _ node: Archive.Node) {
        switch node {
        case .directory(let permissions):
            writeEntry(name, inode: inode, mode: 0o040000 | UInt32(permissions), links: 2, content: [])
        case .file(let content, let permissions):
            writeEntry(name, inode: inode, mode: 0o100000 | UInt32(permissions), links: 1, content: content)
        case .symlink(let target):
            writeEntry(name, inode: inode, mode: 0o120777, links: 1, content: Array(target.utf8))
        }
        inode += 1
    }

    private mutating func writeEntry(_ name: String, inode: UInt32, mode: UInt32, links: UInt32, content: [UInt8]) {
        bytes.append(contentsOf: "070701".utf8)
        let size = UInt32(content.count)
        let nameSize = UInt32(name.utf8.count + 1)
        // inode, mode, owner, group, links, time, size, device (major, minor), device node (major, minor), name, checksum
        for field in [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameSize, 0] { writeHexadecimal(field) }
        bytes.append(contentsOf: name.utf8)
        bytes.append(0)
        pad(to: 4)
        bytes.append(contentsOf: content)
        pad(to: 4)
    }

    private mutating func writeHexadecimal(_ value: UInt32) {
        for shift in stride(from: 28, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 0xF
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
    }

    private mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    /// An upper bound, so that the bytes are allocated once.
    private func size(of archive: Archive, _ names: [String]) -> Int {
        names.reduce(2 * CpioWriter.blockSize) { size, name in
            let content =
                switch archive.nodes[name] {
                case .file(let content, _): content.count
                case .symlink(let target): target.utf8.count
                case .directory, nil: 0
                }
            return size + CpioWriter.headerSize + name.utf8.count + content + 8
        }
    }
}

extension Archive {
    /// The archive in cpio's newc format: what QEMU's `-initrd` takes as it is.
    public func cpio() -> [UInt8] { CpioWriter.bytes(of: self) }
}
