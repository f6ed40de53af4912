import Foundation
import InitrdBuilder
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
        if !paths.isEmpty { text.append(try await closure(of: paths, store: store)) }
        return text
    }

    /// The registration of a closure: from the cache, else from the host's Nix. A store path's closure never changes, and one
    /// that was deleted and built again is another file.
    private static func closure(of paths: [String], store: StoreLocation) async throws -> Data {
        let directory = CacheDirectory.ofUser()
        var key = CacheKey()
        var isKnown = true
        for path in paths.sorted() { isKnown = key.add(file: store.hostPath(of: path) ?? path) && isKnown }
        let cached = "\(directory)/registration-\(key.text)"
        if isKnown, CacheDirectory.use(cached), let text = FileManager.default.contents(atPath: cached) { return text }

        let closure = try await nixStore(["-qR"] + paths, store: store).split(separator: "\n").map(String.init)
        let text = Data(try await nixStore(["--dump-db"] + closure, store: store).utf8)
        // Where it cannot be kept, it is made again the next time.
        if isKnown, (try? CacheDirectory.make(directory)) != nil,
            (try? text.write(to: URL(fileURLWithPath: cached), options: .atomic)) != nil
        {
            CacheDirectory.removeOldest(in: directory, prefix: "registration-", capacity: 32, sparing: cached)
        }
        return text
    }

    /// The first `nix-store` of `PATH`: looked for here, because a library would fork for every directory.
    private static func program() throws -> String {
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/nix/var/nix/profiles/default/bin"
        let candidates: [String] = path.split(separator: ":").map { "\($0)/nix-store" }
        let found = candidates.first { access($0, X_OK) == 0 }
        guard let found else { throw Failure("there is no nix-store in PATH") }
        return found
    }

    /// How long the host's `nix-store` may take, in seconds.
    private static let patience = Patience.seconds(120)

    /// Runs the host's `nix-store`.
    private static func nixStore(_ arguments: [String], store: StoreLocation) async throws -> String {
        let all = try store.nixOptions() + arguments
        return try await withThrowingTaskGroup { group in
            group.addTask { () -> String in
                let run: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
                do {
                    run = try await Subprocess.run(
                        .path(FilePath(try program())), arguments: Arguments(all), output: .string(limit: 1 << 30),
                        error: .string(limit: 1 << 16))
                } catch {
                    throw Failure(
                        "cannot run nix-store to find what \(arguments.last ?? "") references: \((error as? Failure)?.text ?? "\(error)"); install the Debian package nix-bin, "
                            + "or give --register a file made by 'nix-store --dump-db'")
                }
                guard run.terminationStatus.isSuccess else {
                    let words = run.standardError.split(separator: "\n").last.map(String.init) ?? "no reason given"
                    throw Failure("nix-store \(arguments[0]): \(words)")
                }
                return run.standardOutput
            }
            group.addTask { () -> String in
                try await Task.sleep(for: .seconds(patience))
                throw Failure("nix-store \(arguments[0]) did not end within \(patience) s; $VM_PATIENCE gives it more seconds")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? ""
        }
    }
}
