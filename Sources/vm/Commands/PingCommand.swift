import ArgumentParser
import Foundation
import ProxyClient

/// `vm ping`.
struct PingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Measure the way to a VM's agent and back.",
        discussion: """
            Bytes go through the proxy and a link to the agent, which sends them back. No network and no process of the guest's \
            takes part, so this also tells whether a VM that seems to hang still runs.

            The exit code is 0 when all came back.

            Examples:
              vm ping test1
              vm ping --count 100 --interval 0 --size 1048576 test1
            """)

    @OptionGroup var directory: DirectoryOption

    @Option(name: [.customShort("c", allowingJoined: true), .long], help: ArgumentHelp("How often.", valueName: "number"))
    var count = 5

    @Option(name: [.customShort("s", allowingJoined: true), .long], help: ArgumentHelp("How many bytes each time.", valueName: "bytes"))
    var size = 64

    @Option(
        name: [.customShort("i", allowingJoined: true), .long],
        help: ArgumentHelp("How long to pause between two: 0, 500ms, 2s.", valueName: "time"))
    var interval = "200ms"

    @Option(
        name: [.customShort("W", allowingJoined: true), .long],
        help: ArgumentHelp("How long to wait for each answer: 5, 500ms. (default: 5s)", valueName: "time"))
    var timeout: TimeLimit?

    @Flag(help: "Print the times, in microseconds, as JSON.")
    var json = false

    @Argument(help: "The VM's name.")
    var name: String

    func validate() throws {
        guard (1...1_000_000).contains(count) else { throw ValidationError("--count is from 1 to 1000000") }
        guard (1...64 << 20).contains(size) else { throw ValidationError("--size is from 1 to \(64 << 20) bytes") }
        guard pause != nil else { throw ValidationError("--interval '\(interval)' is no time: 0, 500ms, 2s") }
    }

    /// Nil for what is no time.
    private var pause: Duration? {
        if let limit = TimeLimit(argument: interval) { return .milliseconds(Int64(limit.milliseconds)) }
        let digits = interval.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        return Double(digits) == 0 && ["", "ms", "s", "m", "h"].contains(interval.dropFirst(digits.count)) ? .zero : nil
    }

    func run() throws {
        var times: [Int64] = []
        var failure: (any Error)?
        do { try Failure.wrapping { try measure(&times) } } catch { failure = error }
        // What came back before something went wrong is worth to be told.
        if !times.isEmpty { try tell(Ping(size: size, microseconds: times)) }
        if let failure { throw failure }
    }

    private func tell(_ report: Ping) throws {
        guard json else { return print(report.summary) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    private func measure(_ times: inout [Int64]) throws(ProxyClientError) {
        let limit = Duration.milliseconds(Int64(timeout?.milliseconds ?? 5_000))
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let started = ContinuousClock.now
        let stream = try directory.client.echo(of: name, deadline: .after(limit))
        let opening = started.duration(to: .now)
        if opening > .seconds(1) { Terminal.note("'\(name)' took \(String(format: "%.1f", opening / .seconds(1))) s to answer at all") }
        for number in 0..<count {
            if number > 0, let pause { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
            let taken = try stream.roundTrip(bytes, deadline: .after(limit)).components
            times.append(taken.seconds * 1_000_000 + taken.attoseconds / 1_000_000_000_000)
            guard !json else { continue }
            print(Ping.line(size, from: name, microseconds: times[number]))
            // Also into a pipe or a file.
            fflush(nil)
        }
    }
}

/// What `vm ping` has measured, at least once.
struct Ping: Encodable {
    /// Bytes each time.
    var size: Int
    /// How long each took.
    var microseconds: [Int64]
    var least: Int64
    var median: Int64
    var most: Int64

    init(size: Int, microseconds: [Int64]) {
        let sorted = microseconds.sorted()
        (self.size, self.microseconds) = (size, microseconds)
        (least, median, most) = (sorted.first ?? 0, sorted.isEmpty ? 0 : sorted[sorted.count / 2], sorted.last ?? 0)
    }

    static func line(_ size: Int, from name: String, microseconds: Int64) -> String {
        // Of few bytes the rate says nothing.
        let rate = size < 64 << 10 ? "" : String(format: ", %.1f MB/s there and back", Double(size) / Double(max(1, microseconds)))
        return "\(size) \(size == 1 ? "byte" : "bytes") back from \(name) after \(milliseconds(microseconds))\(rate)"
    }

    var summary: String {
        "\(microseconds.count) came back: least \(Ping.milliseconds(least)), median \(Ping.milliseconds(median)), most \(Ping.milliseconds(most))"
    }

    private static func milliseconds(_ microseconds: Int64) -> String { String(format: "%.3f ms", Double(microseconds) / 1000) }
}
