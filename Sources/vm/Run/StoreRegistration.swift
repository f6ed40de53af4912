import Foundation
import Subprocess
import SystemPackage

/// What the guest's Nix database is to be loaded with: the text that `nix-store --load-db` reads.
enum StoreRegistration {
    /// The registration of `paths` of `store`, with all they reference, and of the registration files among `files`.
    static func text(of paths: [String], files: [String], store: StoreLocation) async throws -> Data {
        var text = Data()
        for file in files {
            guard let content = FileManager.default.contents(atPath: file) else {
                throw Failure("cannot read the registration \(file): \(String(cString: strerror(errno)))")
            }
            text.append(content)
        }
        guard !paths.isEmpty else { return text }
        let closure = try await nixStore(["-qR"] + paths, store: store).split(separator: "\n").map(String.init)
        text.append(contentsOf: try await nixStore(["--dump-db"] + closure, store: store).utf8)
        return text
    }

    /// Runs the host's `nix-store`, for two minutes at most.
    private static func nixStore(_ arguments: [String], store: StoreLocation) async throws -> String {
        let all = try store.nixOptions() + arguments
        return try await withThrowingTaskGroup { group in
            group.addTask { () -> String in
                let run: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
                do {
                    run = try await Subprocess.run(
                        .name("nix-store"), arguments: Arguments(all), output: .string(limit: 1 << 30), error: .string(limit: 1 << 16))
                } catch {
                    throw Failure(
                        "cannot run nix-store to find what \(arguments.last ?? "") references: \(error); install the Debian package nix-bin, "
                            + "or give --register a file made by 'nix-store --dump-db'")
                }
                guard run.terminationStatus.isSuccess else {
                    let words = run.standardError.split(separator: "\n").last.map(String.init) ?? "no reason given"
                    throw Failure("nix-store \(arguments[0]): \(words)")
                }
                return run.standardOutput
            }
            group.addTask { () -> String in
                try await Task.sleep(for: .seconds(120))
                throw Failure("nix-store \(arguments[0]) did not end within 120 s")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? ""
        }
    }
}
