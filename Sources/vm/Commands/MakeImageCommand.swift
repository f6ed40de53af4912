import ArgumentParser
import CLinux
import Foundation
import LinuxSystem

/// `vm make-image`: puts a tree together of what is given, in mounts of its own, and becomes the program that makes an image of it:
/// nothing is copied. Not for people.
struct MakeImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make-image", abstract: "Become the program that makes an image of some files.", shouldDisplay: false)

    @Option(help: "An empty directory, in which the tree is put together.")
    var tree: String

    @Argument(parsing: .postTerminator, help: "The program and its arguments.")
    var program: [String] = []

    func run() throws {
        guard let path = program.first else { throw ValidationError("A program is needed, after '--'.") }
        guard linux_end_with_parent() == 0 else { throw Failure("prctl: \(Errno.current)") }
        // Every user of the guest is to read what is made here.
        umask(0o022)
        // Pairs of a path of the host's and its place in the tree, each with a zero byte at its end.
        let words = FileHandle.standardInput.readDataToEndOfFile().split(separator: 0).map { FileName(Array($0)) }
        guard linux_private_mounts() == 0 else { throw Failure("cannot have mounts of its own: \(Errno.current)") }
        do {
            try Mount.filesystem("tmpfs", source: "vm-image", on: tree, options: [.value("mode", "755")])
            for index in stride(from: 0, to: words.count - 1, by: 2) { try show(words[index], words[index + 1]) }
        } catch let error as MountError {
            throw Failure(error.text)
        }
        let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
        throw Failure("cannot execute \(path): \(Program(path, Array(program.dropFirst()), environment: environment).execute())")
    }

    private func show(_ source: FileName, _ place: FileName) throws {
        let target = FileName(Array(tree.utf8) + place.bytes)
        let text = String(decoding: source.bytes, as: UTF8.self)
        do {
            try Files.makeDirectory((String(decoding: target.bytes, as: UTF8.self) as NSString).deletingLastPathComponent)
            let status = try OpenDirectory.working.status(of: source)
            switch status.kind {
            case .directory: try Files.makeDirectory(String(decoding: target.bytes, as: UTF8.self))
            case .symbolicLink:
                return try OpenDirectory.working.makeLink(target, to: FileName(try OpenDirectory.working.linkTarget(source)))
            case .file, .special: try OpenDirectory.working.createFile(target).close()
            }
        } catch {
            throw Failure("cannot show \(text) in the tree: \(error)")
        }
        // Whatever is mounted in it comes along: without root the kernel does not part it.
        try Mount.bind(text, on: String(decoding: target.bytes, as: UTF8.self), recursive: true)
    }
}
