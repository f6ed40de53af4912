import CLinux
import Foundation
import LinuxSystem
import Testing

@testable import Proxy

@Suite struct SocketFileTests {
    @Test func aDeadRunsSocketFileIsReplaced() throws {
        let directory = try SocketDirectory()
        let path = directory.file("guest.socket")
        let dead = try SocketFile.listen(path)
        // As after SIGKILL: the listener is gone, its file is not.
        dead.closeListener()
        let listener = try SocketFile.listen(path)
        defer { listener.close() }
        #expect(isReachable(path))
    }

    @Test func aLiveListenersSocketFileIsNeverReplaced() throws {
        let directory = try SocketDirectory()
        let path = directory.file("guest.socket")
        let listener = try SocketFile.listen(path)
        defer { listener.close() }
        let before = try identity(of: path)
        #expect(throws: SocketFileError.inUse(path)) { try SocketFile.listen(path) }
        #expect(try identity(of: path) == before)
        #expect(isReachable(path))
    }

    @Test func whatIsNoSocketIsLeftAlone() throws {
        let directory = try SocketDirectory()
        let (file, folder, link) = (directory.file("file"), directory.file("folder"), directory.file("link"))
        try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        // A link to a socket is somebody's file, too.
        let dead = try SocketFile.listen(directory.file("dead.socket"))
        dead.closeListener()
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.file("dead.socket"))
        for path in [file, folder, link] {
            let error = #expect(throws: SocketFileError.notASocket(path)) { try SocketFile.listen(path) }
            #expect(error?.text.hasPrefix(path + " exists and is not a socket; it is left alone: ") == true)
        }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == directory.file("dead.socket"))
        #expect(FileManager.default.fileExists(atPath: directory.file("dead.socket")))
    }

    @Test func aPathIsTakenAsFarAsASocketsAddressReaches() throws {
        let directory = try SocketDirectory()
        let longest = directory.file(String(repeating: "n", count: 107 - directory.path.utf8.count - 1))
        let listener = try SocketFile.listen(longest)
        listener.close()
        let tooLong = longest + "n"
        #expect(throws: SocketFileError.pathTooLong(tooLong, length: 108, limit: 107)) { try SocketFile.listen(tooLong) }
        #expect(!FileManager.default.fileExists(atPath: tooLong))
    }

    @Test func aDirectoryHasOneProxyAtATime() throws {
        let directory = try SocketDirectory()
        let lock = try SocketFile.lock(directory.path)
        #expect(throws: SocketFileError.proxyRunning(directory: directory.path)) { try SocketFile.lock(directory.path) }
        // As when a program is being started in this moment, with a copy of every descriptor.
        let copy = dup(lock.rawValue)
        defer { close(copy) }
        SocketFile.unlock(lock)
        SocketFile.unlock(try SocketFile.lock(directory.path))
    }

    @Test func aMissingDirectoryIsNamedWithTheWayOut() throws {
        let error = #expect(throws: SocketFileError.self) { try SocketFile.lock("/nowhere/at/all") }
        #expect(error?.text.hasPrefix("cannot use the directory /nowhere/at/all: No such file or directory") == true)
        #expect(error?.text.hasSuffix("make it, or name another with --directory") == true)
    }

    private func identity(of path: String) throws -> UInt64? {
        try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64
    }

    /// Whether somebody listens there: `listen` tells a live socket file from a dead one, and takes the dead one.
    private func isReachable(_ path: String) -> Bool {
        do {
            try SocketFile.listen(path).closeListener()
            return false
        } catch {
            return error == .inUse(path)
        }
    }
}

/// A directory with a path that is short enough for sockets, removed with its last reference.
private final class SocketDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/vmp.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw CocoaError(.fileWriteUnknown) }
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
