import ControlProtocol
import Foundation
import LinuxSystem

/// One VM of a network that runs: its `vm run`, and what is known of it.
final class NetworkMember {
    let name: String
    /// What it is doing; nil before the proxy knows it.
    var status: GuestStatus?
    /// How its `vm run` ended; nil while it runs.
    private(set) var end: ProcessEnd?
    /// Whether its end has been told.
    var isEndTold = false
    /// Whether it was not ready when the time was over.
    var isLate = false
    /// What `vm run` says, errors above all; nil after its end.
    private(set) var output: FileDescriptor?
    private let process: ChildProcess
    private var input: FileDescriptor?
    private var partialLine: [UInt8] = []

    /// A line is cut at this many bytes.
    private static let longestLine = 4096

    /// Starts `program`, which ends its VM when its standard input ends.
    init(name: String, _ program: Program) throws(Failure) {
        self.name = name
        var program = program
        do throws(Errno) {
            let (inputEnd, input) = try FileDescriptor.pipe()
            defer { inputEnd.close() }
            let (output, outputEnd) = try FileDescriptor.pipe()
            defer { outputEnd.close() }
            program.standardInput = inputEnd
            program.standardOutput = outputEnd
            program.standardError = outputEnd
            process = try program.start()
            try output.setNonBlocking()
            (self.input, self.output) = (input, output)
        } catch {
            throw Failure("cannot start \(program.path) for \(name): \(error)")
        }
    }

    /// Whether nothing more is to be waited for before the network counts as started.
    var isSettled: Bool { end != nil || isLate || isUp || status?.state == .failed }
    /// Whether it has booted.
    var isUp: Bool { end == nil && status?.state == .ready }

    /// Asks for a power-off; asked again, the VM is ended at once.
    func stop() {
        guard end == nil else { return }
        if let input {
            input.close()
            self.input = nil
        } else {
            process.signal(SIGTERM)
        }
    }

    /// The lines that have come since the last time; the end of the process is noted with the last of them.
    func arrivedLines() -> [String] {
        guard let output else { return [] }
        var lines: [String] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        // What is left is read in the next turn: the others, and the user, have theirs before.
        for _ in 0..<16 {
            var arrived: Int?
            // What cannot be read further has ended, too.
            do { arrived = try chunk.withUnsafeMutableBytes { try output.read(into: $0) } } catch { arrived = 0 }
            guard let count = arrived else { return lines }
            guard count > 0 else {
                finish(&lines)
                return lines
            }
            for byte in chunk[..<count] {
                if byte == UInt8(ascii: "\n") {
                    lines.append(takeLine())
                } else if partialLine.count < Self.longestLine {
                    partialLine.append(byte)
                }
            }
        }
        return lines
    }

    private func takeLine() -> String {
        defer { partialLine.removeAll(keepingCapacity: true) }
        return String(decoding: partialLine, as: UTF8.self)
    }

    /// The output is at its end, and so is the process: QEMU and the proxy do not have the descriptor.
    private func finish(_ lines: inout [String]) {
        if !partialLine.isEmpty { lines.append(takeLine()) }
        output?.close()
        output = nil
        if !process.pidfd.waitUntilReadable(milliseconds: 5_000) { process.signal(SIGKILL) }
        _ = process.pidfd.waitUntilReadable(milliseconds: 1_000)
        end = process.end() ?? .signaled(UInt8(SIGKILL))
        process.pidfd.close()
        input?.close()
        input = nil
    }
}
