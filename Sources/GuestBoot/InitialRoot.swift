internal import CLinux
internal import LinuxSystem

/// The initramfs after the switch: nobody can reach it any more, and its files would keep their memory for ever.
struct InitialRoot {
    private let directory: FileDescriptor

    /// Holds the present root, if it is an initramfs: nothing on a disk is ever deleted.
    init?() {
        guard linux_is_memory_filesystem("/") == 1, let directory = try? FileDescriptor.open("/", .directory) else { return nil }
        self.directory = directory
    }

    /// Deletes what is in it, but not what is mounted on it. Running programs keep their own files. Those that have it as their
    /// root, as the shell in which a boot was repaired, find the new root's directories through links in it.
    func free() {
        let place = try? directory.duplicate()
        linux_delete_tree(directory.rawValue)
        guard let place else { return }
        linux_link_to_root_above(place.rawValue)
        place.close()
    }
}
