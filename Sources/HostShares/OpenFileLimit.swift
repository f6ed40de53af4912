import Foundation
import Glibc

/// How many files a server that is started here can have open at once. virtiofsd keeps one open for each that the guest knows.
public struct OpenFileLimit: Equatable, Sendable {
    /// As many as a tree of 100,000 files needs, with its directories and what the guest opens of it.
    public static let enough = 131_072

    /// The process's own hard limit (`ulimit -Hn`).
    public var hard: UInt64
    /// Whether the process may go beyond that: it has CAP_SYS_RESOURCE.
    public var canRaise: Bool
    /// The most that the kernel lets any process have (`fs.nr_open`).
    public var perProcess: UInt64
    /// What the kernel lets all processes have together (`fs.file-max`).
    public var allProcesses: UInt64

    /// A limit of these parts.
    public init(hard: UInt64, canRaise: Bool, perProcess: UInt64, allProcesses: UInt64) {
        (self.hard, self.canRaise) = (hard, canRaise)
        (self.perProcess, self.allProcesses) = (perProcess, allProcesses)
    }

    /// What holds for this process and for what it starts. What cannot be read limits nothing, except that nothing is raised then.
    public static func ofThisProcess() -> OpenFileLimit {
        var limit = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        func setting(_ name: String) -> UInt64? {
            (try? String(contentsOfFile: "/proc/sys/fs/\(name)", encoding: .utf8))
                .flatMap { UInt64($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        let perProcess = setting("nr_open")
        return OpenFileLimit(
            hard: isKnown ? UInt64(limit.rlim_max) : .max, canRaise: perProcess != nil && hasResourceCapability(),
            perProcess: perProcess ?? .max, allProcesses: setting("file-max") ?? .max)
    }

    /// The most that a server can have: at most 1,000,000, and 16,384 of the machine's are left to others, as virtiofsd itself does.
    public var attainable: Int {
        let own = canRaise ? perProcess : min(hard, perProcess)
        return Int(min(own, 1_000_000, allProcesses > 16_384 ? allProcesses - 16_384 : 0))
    }

    /// Whether a tree of 100,000 files can be served.
    public var isEnough: Bool { attainable >= Self.enough }

    /// What limits virtiofsd, as a clause.
    public var reason: String { "virtiofsd may open only \(Self.grouped(attainable)) files here" }

    private static func grouped(_ number: Int) -> String {
        let digits = String(number)
        return digits.enumerated().map { index, digit in
            (index > 0 && (digits.count - index).isMultiple(of: 3) ? "," : "") + String(digit)
        }.joined()
    }

    /// CAP_SYS_RESOURCE among the effective capabilities (`man 7 capabilities`, `man 5 proc_pid_status`).
    private static func hasResourceCapability() -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let set = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16)
        else { return false }
        let resource: UInt64 = 24
        return set >> resource & 1 == 1
    }
}
