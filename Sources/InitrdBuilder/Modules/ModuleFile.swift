/// A module's file on the host.
public struct ModuleFile: Hashable, Sendable {
    let name: ModuleName
    /// Its path on the host.
    public let path: String

    /// The module's name, with `_`.
    public var moduleName: String { name.text }

    /// Its file name in the guest, always of an uncompressed module: `virtio-rng.ko`.
    public var guestName: String {
        let file = HostPath.name(of: path)
        return file.hasSuffix(".ko.zst") ? String(file.dropLast(4)) : file
    }

    /// The module as the kernel loads it (`man 2 finit_module`): decompressed, with its signature when it has one.
    func contents() throws(ModuleError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try HostFile.read(path) } catch { throw .unreadable(error) }
        if path.hasSuffix(".ko") { return bytes }
        guard path.hasSuffix(".zst") else { throw .unsupportedCompression(path: path) }
        do throws(CompressionError) {
            return try Zstandard.decompress(bytes, limit: ModuleFile.maximumSize)
        } catch {
            throw .damaged(path: path, cause: "\(error)")
        }
    }

    /// What the module says about itself.
    func information() throws(ModuleError) -> ModuleInformation {
        let bytes = try contents()
        do throws(ELFError) { return try ModuleInformation(bytes) } catch { throw .damaged(path: path, cause: "\(error)") }
    }

    private static let maximumSize = 256 << 20
}
