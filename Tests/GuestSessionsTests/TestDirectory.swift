import CLinux
import LinuxSystem
import Testing

/// A new directory, removed with all in it at the end.
final class TestDirectory {
    let path: String

    init() throws {
        var name = Array("/tmp/vm-agent-test-XXXXXX".utf8CString)
        path = try name.withUnsafeMutableBufferPointer { buffer in
            let base = try #require(buffer.baseAddress)
            return String(cString: try #require(mkdtemp(base)))
        }
    }

    deinit {
        if let directory = try? FileDescriptor.open(path, .directory) { linux_delete_tree(directory.rawValue) }
        rmdir(path)
    }
}
