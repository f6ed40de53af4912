import Foundation
import Glibc

/// Finds the processes that have a file open, as far as this user may look into `/proc`.
enum FileUsers {
    /// Name and process id of each, as in `qemu-system-x86 (process 1234)`.
    static func of(_ file: stat) -> [String] {
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int($0) }.sorted()
        return processes.filter { isOpen(file, in: $0) }.map { process in
            let name = (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? "a process"
            return "\(name.trimmingCharacters(in: .newlines)) (process \(process))"
        }
    }

    private static func isOpen(_ file: stat, in process: Int) -> Bool {
        let directory = "/proc/\(process)/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).contains { descriptor in
            var status = stat()
            guard stat("\(directory)/\(descriptor)", &status) == 0 else { return false }
            // A block device has as many files as one makes for it.
            if file.st_mode & S_IFMT == S_IFBLK { return status.st_mode & S_IFMT == S_IFBLK && status.st_rdev == file.st_rdev }
            return status.st_dev == file.st_dev && status.st_ino == file.st_ino
        }
    }
}
