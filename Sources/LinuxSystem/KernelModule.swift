internal import CLinux

/// Loading kernel modules (`man 2 finit_module`).
public enum KernelModule {
    /// Loads the uncompressed module at `path`; content when it is loaded already.
    public static func load(_ path: String, parameters: String = "") throws(Errno) {
        let file = try FileDescriptor.open(path, .read)
        defer { file.close() }
        guard linux_load_module(file.rawValue, parameters) != 0 else { return }
        let error = Errno.current
        guard error == .exists else { throw error }
    }

    /// Loads the uncompressed module at `path`, whose signature is in a file of its own at `signature`: without it where the
    /// kernel lets it, which saves the kernel the check, else with it.
    ///
    /// - Throws: what the kernel says of the signed module, or of the unsigned one where there is no signature.
    public static func load(_ path: String, signature: String) throws(Errno) {
        do throws(Errno) {
            try load(path)
        } catch {
            // What `module.sig_enforce` and a locked-down kernel answer.
            guard error == Errno(EKEYREJECTED) || error == Errno(EPERM) else { throw error }
            guard let end = try? Files.read(signature), !end.isEmpty else { throw error }
            var module = try Files.read(path, limit: 256 << 20)
            module += end
            let result = module.withUnsafeBytes { linux_load_module_image($0.baseAddress, $0.count, "") }
            guard result == 0 || Errno.current == .exists else { throw .current }
        }
    }
}
