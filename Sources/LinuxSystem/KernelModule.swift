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
}
