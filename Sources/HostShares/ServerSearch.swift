import Glibc

/// Finds the programs that serve shares.
enum ServerSearch {
    /// The first `program` in `searchPath` (a `PATH`), then in `places`, where Debian's `package` installs it.
    static func find(_ program: String, searchPath: String, places: [String], package: String) throws(ShareError) -> String {
        let directories = searchPath.split(separator: ":").map(String.init) + places
        for candidate in directories.map({ "\($0)/\(program)" }) where candidate.hasPrefix("/") && access(candidate, X_OK) == 0 {
            return candidate
        }
        throw .serverNotFound(program: program, package: package)
    }
}
