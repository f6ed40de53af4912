/// A library (or the program interpreter) that a program needs in the guest.
struct Library: Equatable, Sendable {
    /// Its file on the host.
    var file: String
    /// Where the loader will look for it in the guest.
    var destination: String
    /// True when the loader finds it on the host only through its cache, which the guest does not have.
    var needsCache = false
}

/// All libraries that a program needs, found the way the loader finds them (`man 8 ld.so`) but without running it, so
/// that it works for another machine's files as well and runs no foreign code.
struct LibraryClosure {
    private struct Object {
        var image: ELFImage
        var file: String
        var destination: String
        /// `DT_RPATH` of those that led here, nearest first.
        var inherited: [Directory]
    }

    /// A place to look in: on the host, and what it is called in the guest (they differ for `$ORIGIN`).
    private struct Directory {
        var host: String
        var guest: String
    }

    private let directories: LibraryDirectories
    private let machine: ELFImage.Machine
    private var images: [String: ELFImage?] = [:]

    /// The interpreter and the libraries of the program at `file`, which will be at `destination` in the guest; empty for a
    /// static program. Breadth first, as the loader loads them.
    static func of(
        _ image: ELFImage, file: String, destination: String, directories: LibraryDirectories? = nil
    ) throws(LibraryError) -> [Library] {
        var closure = LibraryClosure(
            directories: directories ?? .ofHost(image.machine), machine: image.machine)
        return try closure.libraries(of: image, file: file, destination: destination)
    }

    private mutating func libraries(
        of image: ELFImage, file: String, destination: String
    ) throws(LibraryError) -> [Library] {
        guard let interpreter = image.interpreter else { return [] }
        guard HostPath.exists(interpreter) else { throw .missingInterpreter(interpreter, program: file) }
        var found = [Library(file: interpreter, destination: interpreter)]
        var loaded: Set<String> = [HostPath.name(of: interpreter)]
        var queue = [Object(image: image, file: file, destination: destination, inherited: [])]
        var next = 0
        while next < queue.count {
            let object = queue[next]
            next += 1
            for name in object.image.needed where loaded.insert(name).inserted {
                let (library, dependency) = try find(name, for: object)
                if let soname = dependency.image.soname { loaded.insert(soname) }
                found.append(library)
                queue.append(dependency)
            }
        }
        return found
    }

    private mutating func find(_ name: String, for object: Object) throws(LibraryError) -> (Library, Object) {
        let own = expand(object.image.rPath, object)
        // A run path replaces what was inherited, for its own object's libraries.
        let paths = object.image.runPath.isEmpty ? own + object.inherited : expand(object.image.runPath, object)
        var candidates: [(directory: Directory, needsCache: Bool)] = []
        if name.contains("/") {
            candidates = [(Directory(host: HostPath.directory(of: name), guest: HostPath.directory(of: name)), false)]
        } else {
            candidates += paths.map { ($0, false) }
            candidates += directories.configured.map {
                (Directory(host: $0, guest: $0), !directories.standard.contains($0))
            }
            candidates += directories.standard.map { (Directory(host: $0, guest: $0), false) }
        }
        let base = HostPath.name(of: name)
        for (directory, needsCache) in candidates {
            let path = "\(directory.host)/\(base)"
            guard let image = try image(at: path) else { continue }
            let library = Library(file: path, destination: "\(directory.guest)/\(base)", needsCache: needsCache)
            let dependency = Object(image: image, file: path, destination: library.destination, inherited: own + object.inherited)
            return (library, dependency)
        }
        throw .missingLibrary(name, neededBy: object.file, searched: unique(candidates.map(\.directory.host)))
    }

    /// The image at `path`, or nil when there is none or it is for another machine, which the loader passes over.
    private mutating func image(at path: String) throws(LibraryError) -> ELFImage? {
        if let known = images[path] { return known }
        guard HostPath.exists(path) else { return nil }
        var result: ELFImage?
        do throws(FileError) {
            let bytes = try HostFile.read(path)
            result = try? ELFImage(bytes)
        } catch {
            throw .unreadable(error)
        }
        if result?.machine != machine { result = nil }
        images[path] = .some(result)
        return result
    }

    private func expand(_ paths: [String], _ object: Object) -> [Directory] {
        let hostOrigin = HostPath.directory(of: HostPath.canonicalPath(object.file) ?? object.file)
        let guestOrigin = HostPath.directory(of: object.destination)
        return paths.map { path in
            Directory(host: expand(path, origin: hostOrigin), guest: HostPath.withoutDots(expand(path, origin: guestOrigin)))
        }
    }

    /// Replaces the loader's tokens (`man 8 ld.so`, "Dynamic string tokens").
    private func expand(_ path: String, origin: String) -> String {
        let platform =
            switch machine {
            case .x86_64: "x86_64"
            case .aarch64: "aarch64"
            }
        var result = path
        for (token, value) in [("ORIGIN", origin), ("LIB", "lib64"), ("PLATFORM", platform)] {
            for spelling in ["${\(token)}", "$\(token)"] { result = result.replacing(spelling, with: value) }
        }
        return result
    }

    private func unique(_ paths: [String]) -> [String] {
        var seen: Set<String> = []
        return paths.filter { seen.insert($0).inserted }
    }
}
