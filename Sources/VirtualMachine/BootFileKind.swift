import Glibc

/// What a kernel or an initrd begins with. Both are told by their first bytes, as QEMU and Linux tell them.
enum BootFileKind {
    /// Why the file at `path` can be no such boot file; nil when it may be one.
    static func fault(of path: String, as file: MachineError.BootFile) -> String? {
        let bytes = beginning(of: path)
        if bytes.isEmpty { return "it is empty" }
        let isKnown =
            switch file {
            case .kernel: isKernel(bytes)
            case .initrd: isInitrd(bytes)
            }
        return isKnown ? nil : "it begins with \(text(of: bytes))"
    }

    /// x86's `bzImage`; an ELF file; what EFI starts, also a packed one; arm64's `Image`, also packed by gzip.
    private static func isKernel(_ bytes: [UInt8]) -> Bool {
        let magics: [(place: Int, bytes: [UInt8])] = [
            (0x202, Array("HdrS".utf8)), (0, [0x7F] + Array("ELF".utf8)), (0, Array("MZ".utf8)), (0x38, Array("ARMd".utf8)),
            (0, [0x1F, 0x8B]),
        ]
        return magics.contains { bytes.dropFirst($0.place).starts(with: $0.bytes) }
    }

    /// A cpio archive, or one packed in a way that Linux unpacks (`lib/decompress.c`). Zeros before it are passed over.
    private static func isInitrd(_ bytes: [UInt8]) -> Bool {
        let magics: [[UInt8]] = [
            Array("070701".utf8), Array("070702".utf8), [0x1F, 0x8B], [0x1F, 0x9E], Array("BZh".utf8), [0x5D, 0],
            [0xFD] + Array("7zXZ".utf8),
            [0x89] + Array("LZO".utf8), [0x02, 0x21, 0x4C, 0x18], [0x28, 0xB5, 0x2F, 0xFD],
        ]
        let content = bytes.drop { $0 == 0 }
        return content.isEmpty || magics.contains { content.starts(with: $0) }
    }

    private static func beginning(of path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        return [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
            count = max(0, pread(file, buffer.baseAddress, buffer.count, 0))
        }
    }

    private static func text(of bytes: [UInt8]) -> String {
        let first = bytes.prefix { $0 >= 0x20 && $0 < 0x7F }.prefix(20)
        if first.count >= 4 || first.count == bytes.count { return "the text '\(String(decoding: first, as: UTF8.self))'" }
        return "the bytes " + bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
