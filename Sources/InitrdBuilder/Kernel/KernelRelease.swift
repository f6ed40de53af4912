/// Which release a kernel file is, so that its modules can be told from others'.
public enum KernelRelease {
    /// The release in an x86 `bzImage` (`Documentation/arch/x86/boot.rst`, `kernel_version`), else what follows `vmlinuz-`
    /// in the file's name; nil when neither says it.
    public static func of(file path: String) throws(InitrdError) -> String? {
        let bytes = try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try HostFile.read(path) }
        if let release = inSetup(bytes) { return release }
        let name = HostPath.name(of: HostPath.canonicalPath(path) ?? path)
        guard name.hasPrefix("vmlinuz-") || name.hasPrefix("vmlinux-") else { return nil }
        return String(name.dropFirst(8))
    }

    static func inSetup(_ bytes: [UInt8]) -> String? {
        let reader = LittleEndianReader(bytes)
        guard let magic = try? reader.uint32(at: 0x202), magic == 0x5372_6448, let offset = try? reader.uint16(at: 0x20E), offset > 0,
            let text = try? reader.string(at: UInt64(offset) + 0x200, end: UInt64(offset) + 0x400)
        else { return nil }
        return text.split(separator: " ").first.map(String.init)
    }
}
