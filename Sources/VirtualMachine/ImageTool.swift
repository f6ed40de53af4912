import Foundation
import Subprocess
import SystemPackage

/// `qemu-img`, or another program that works on images, as one that is run and answers (`man 1 qemu-img`).
struct ImageTool {
    let program: String

    init() throws(MachineError) {
        program = try ProgramSearch.find("qemu-img", package: "qemu-utils")
    }

    init(program: String) { self.program = program }

    /// What a run printed.
    struct Answer: Equatable {
        var isSuccess: Bool
        var output: String
        var messages: String
    }

    /// Runs it, for 20 s at most.
    func run(_ arguments: [String]) async throws(MachineError) -> Answer {
        let executable = Executable.path(FilePath(program))
        var options = PlatformOptions()
        options.createSession = true
        let platformOptions = options
        do {
            return try await withThrowingTaskGroup { group in
                group.addTask { () -> Answer? in
                    let run = try await Subprocess.run(
                        executable, arguments: Arguments(arguments), environment: .inherit.updating(["LC_ALL": "C"]),
                        platformOptions: platformOptions, output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
                    return Answer(
                        isSuccess: run.terminationStatus.isSuccess, output: run.standardOutput,
                        messages: run.standardError.trimmingCharacters(in: .whitespacesAndNewlines))
                }
                group.addTask { () -> Answer? in
                    try await Task.sleep(for: .seconds(20))
                    return nil
                }
                let first = try await group.next().flatMap { $0 }
                group.cancelAll()
                guard let first else { throw MachineError.cannotStart(program: program, reason: "it did not end within 20 s") }
                return first
            }
        } catch let error as MachineError {
            throw error
        } catch {
            throw .cannotStart(program: program, reason: "\(error)")
        }
    }
}

/// What `qemu-img info --output=json` says of an image.
struct ImageInformation: Decodable, Equatable {
    /// The format that QEMU recognises; `raw` for anything that it does not.
    var format: String
    /// The guest's view of the size, in bytes.
    var virtualSize: Int
    /// Another file that the image reads blocks from.
    var backingFile: String?
    /// What only this format has to say.
    var formatSpecific: FormatSpecific?

    /// A qcow2 image may keep its blocks in another file, too.
    struct FormatSpecific: Decodable, Equatable {
        var data: Details?

        struct Details: Decodable, Equatable {
            var dataFile: String?

            private enum CodingKeys: String, CodingKey { case dataFile = "data-file" }
        }
    }

    /// The file that the image names and QEMU would open with it.
    var otherFile: String? { backingFile ?? formatSpecific?.data?.dataFile }

    private enum CodingKeys: String, CodingKey {
        case format
        case virtualSize = "virtual-size"
        case backingFile = "backing-filename"
        case formatSpecific = "format-specific"
    }
}
