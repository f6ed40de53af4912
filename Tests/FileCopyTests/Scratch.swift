import Foundation
import Testing

/// A directory of its own for one test, removed with it. Names are bytes, so that any can be made.
final class Scratch: Sendable {
    let path: String

    /// - Parameter place: where it is to be, if not where temporary files are.
    init(in place: String? = nil) throws {
        path = (place.map { URL(filePath: $0) } ?? FileManager.default.temporaryDirectory).appending(path: "copy-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // Directories without write permission, too.
        for place in Scratch.walk(Array(path.utf8)) where place.kind == mode_t(S_IFDIR) { chmod(Scratch.characters(place.path), 0o700) }
        try? FileManager.default.removeItem(atPath: path)
    }

    func bytes(_ name: String = "") -> [UInt8] { Array("\(path)/\(name)".utf8) }

    func write(_ name: String, _ content: some Collection<UInt8> = Array("content\n".utf8), mode: mode_t = 0o644) throws {
        try write(Array(name.utf8), content, mode: mode)
    }

    func write(_ name: [UInt8], _ content: some Collection<UInt8>, mode: mode_t = 0o644) throws {
        let file = open(Scratch.characters(bytes() + name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let content = Array(content)
        try #require(content.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == content.count)
        try #require(fchmod(file, mode) == 0)
    }

    func directory(_ name: String, mode: mode_t = 0o755) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        try #require(chmod("\(path)/\(name)", mode) == 0)
    }

    func link(_ name: String, to target: String) throws { try #require(symlink(target, "\(path)/\(name)") == 0) }

    func read(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    func names(_ name: String = "") throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(name)").sorted() }

    func status(_ name: String) throws -> stat {
        var status = stat()
        try #require(lstat("\(path)/\(name)", &status) == 0, "\(name)")
        return status
    }

    // MARK: Trees

    /// What is kept of a file in a copy.
    struct Kept: Equatable {
        var path: [UInt8]
        var kind: mode_t
        var mode: mode_t
        var changed: [Int]
        var content: Data
        var links: [[UInt8]]
    }

    /// All that is below `name`, in order.
    func kept(_ name: String) -> [Kept] {
        let root = bytes(name)
        let places = Scratch.walk(root)
        var names: [ino_t: [[UInt8]]] = [:]
        for place in places where place.status.st_nlink > 1 && place.kind == mode_t(S_IFREG) {
            names[place.status.st_ino, default: []].append(Array(place.path.dropFirst(root.count)))
        }
        return places.map { place in
            Kept(
                path: Array(place.path.dropFirst(root.count)), kind: place.kind, mode: place.status.st_mode & 0o7777,
                changed: [place.status.st_mtim.tv_sec, place.status.st_mtim.tv_nsec], content: Scratch.content(place.path, place.kind),
                links: place.kind == mode_t(S_IFREG) ? names[place.status.st_ino] ?? [] : [])
        }
    }

    private static func content(_ path: [UInt8], _ kind: mode_t) -> Data {
        var buffer = [UInt8](repeating: 0, count: 32 << 20)
        var count = 0
        if kind == mode_t(S_IFLNK) {
            count = buffer.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { name in name.baseAddress.map { readlink(characters(path), $0, name.count) } ?? -1
                }
            }
        } else if kind == mode_t(S_IFREG) {
            let file = open(characters(path), O_RDONLY)
            defer { close(file) }
            count = Glibc.read(file, &buffer, buffer.count)
        }
        return Data(buffer.prefix(max(0, count)))
    }

    private struct Place {
        var path: [UInt8]
        var status: stat
        var kind: mode_t { status.st_mode & mode_t(S_IFMT) }
    }

    private static func walk(_ path: [UInt8]) -> [Place] {
        var status = stat()
        guard lstat(characters(path), &status) == 0 else { return [] }
        let own = Place(path: path, status: status)
        guard own.kind == mode_t(S_IFDIR), let stream = opendir(characters(path)) else { return [own] }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return [own] + names.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { walk(path + [UInt8(ascii: "/")] + $0) }
    }

    static func characters(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
}
