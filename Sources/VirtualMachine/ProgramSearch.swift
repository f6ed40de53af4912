import Glibc

/// Finds programs as a shell does.
public enum ProgramSearch {
    /// The path of `program`: itself when it has a slash, else the first executable of that name in `searchPath`.
    ///
    /// - Throws: `MachineError`, which names the Debian `package` when there is none.
    public static func find(_ program: String, package: String, searchPath: String? = nil) throws(MachineError) -> String {
        if program.contains("/") {
            guard isExecutable(program) else { throw .cannotStart(program: program, reason: String(cString: strerror(errno))) }
            return program
        }
        let path = searchPath ?? getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        for directory in path.split(separator: ":") {
            let candidate = directory + "/" + program
            if isExecutable(candidate) { return candidate }
        }
        throw .programNotFound(program: program, package: package)
    }

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFREG else {
            errno = EACCES
            return false
        }
        return access(path, X_OK) == 0
    }
}
