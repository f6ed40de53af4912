internal import AgentProtocol
internal import ControlProtocol
internal import LinuxSystem
internal import NIOCore

/// Why a client's connection to a guest is not made.
struct ConnectFault: Error {
    var text: String
}

/// What the proxy knows of one guest. Lives on the event loop.
final class Guest {
    let name: String
    /// What its agent must present. Empty while that is not known: then the first link's token is every link's.
    var token: [UInt8] = []
    /// Why the guest is known while it has no link.
    var standing: Standing
    var process: GuestProcess?
    var links: [LinkHandler] = []
    var status: GuestStatus
    /// The connection of the launcher that registered it.
    var launcher: LauncherConnection?
    var waiters: [Int: Waiter] = [:]
    let shellSocket: ListeningSocket
    /// The boot that `status` tells of; another one begins with an empty list.
    private var bootID = ""
    /// The uptime of the last report of the boot's state.
    private(set) var lastBootReport: UInt64?
    /// How the agent was, and when it said so.
    var agent: (report: AgentReport, at: NIODeadline)?
    /// What its boot and its console have said: `LogLine`s.
    private(set) var log: LineRing
    var readers: [any GuestReader] = []

    /// Why a guest is known.
    enum Standing {
        /// A launcher registered it, and lives.
        case registered
        /// The proxy was told to expect it.
        case expected
        /// It has a link.
        case linked
    }

    /// A client that waits for the guest.
    struct Waiter {
        var now: Bool
        var timeout: Scheduled<Void>
        var resume: (Result<LinkHandler, ConnectFault>) -> Void
    }

    init(name: String, standing: Standing, shellSocket: ListeningSocket, limits: ProxyLimits) {
        self.name = name
        self.standing = standing
        log = LineRing(capacity: limits.logBytesPerGuest)
        self.shellSocket = shellSocket
        status = GuestStatus(name: name, state: .waiting, socket: shellSocket.path)
    }

    /// The link for new streams: the fastest of those that answer.
    var link: LinkHandler? { links.max { $0.rating < $1.rating } }

    /// A hello was accepted: of the boot that is known, or of another.
    func began(bootID: String) {
        guard self.bootID != bootID || status.state == .waiting else { return }
        self.bootID = bootID
        forgetBoot()
        status.state = .booting
    }

    /// Forgets what was reported of the boot.
    func forgetBoot() {
        status.steps = []
        status.state = .waiting
        status.detail = ""
        lastBootReport = nil
        agent = nil
    }

    /// True when sessions begin without waiting for the boot any longer.
    var isBooted: Bool { status.state != .waiting && status.state != .booting }

    /// Adds to the log, and tells those who follow it.
    func note(_ line: LogLine) {
        log.append(line.line.utf8)
        for reader in readers { reader.advance() }
    }

    /// Applies a step's report; nil when it says nothing new.
    func apply(_ report: StepReport, _ limits: ProxyLimits) -> StepStatus? {
        let state: StepState =
            switch report.outcome {
            case .started: .started
            case .succeeded: .succeeded
            case .failed: .failed
            case .warned: .warned
            }
        let place = status.steps.firstIndex { $0.index == Int(report.index) }
        let known = place.map { status.steps[$0] }
        if let known, known.isNewer(than: report.uptime, state) { return nil }
        guard place != nil || status.steps.count < limits.stepsPerGuest else { return nil }
        // A step that had ended has begun again: the boot was resumed.
        let begins = state == .started && known?.state != .started
        let step = StepStatus(
            index: Int(report.index), name: limits.cleaned(report.name), state: state,
            startMicroseconds: begins ? report.uptime : known?.startMicroseconds ?? report.uptime,
            endMicroseconds: state == .started ? nil : report.uptime, detail: limits.cleaned(report.detail))
        if let place {
            guard status.steps[place] != step else { return nil }
            status.steps[place] = step
        } else {
            status.steps.append(step)
        }
        if status.state == .waiting { status.state = .booting }
        return step
    }

    /// Applies a boot's report; false when it says nothing new.
    func apply(_ report: BootReport, _ limits: ProxyLimits) -> Bool {
        // History comes again with every link: what was so once is not so now.
        if let lastBootReport, report.uptime <= lastBootReport { return false }
        lastBootReport = report.uptime
        let state: GuestState =
            switch report.state {
            case .booting: .booting
            case .ready: .ready
            case .failed: .failed
            case .poweringOff: .poweringOff
            }
        let detail = limits.cleaned(report.detail)
        guard state != status.state || detail != status.detail else { return false }
        status.state = state
        status.detail = detail
        return true
    }

    /// A client's stream began or ended.
    func count(_ kind: ClientBridge.Kind, by change: Int) {
        switch kind {
        case .session: status.sessions += change
        case .connection: status.connections += change
        }
    }

    /// The status with what changes by the moment.
    var present: GuestStatus {
        var present = status
        present.pid = process?.identifier
        present.agent = agent.map { agent in
            let age = NIODeadline.now() - agent.at
            return AgentStatus(
                uptimeMicroseconds: agent.report.uptime + UInt64(max(0, age.nanoseconds / 1_000)),
                ageMilliseconds: UInt64(max(0, age.nanoseconds / 1_000_000)), memoryBytes: UInt64(agent.report.memory) << 10,
                sessions: Int(agent.report.sessions), connections: Int(agent.report.connections), links: Int(agent.report.links))
        }
        present.warnings = status.steps.filter { $0.state == .warned }.map { "\($0.name): \($0.detail)" }
        present.links = links.map(\.status)
        return present
    }
}

extension StepStatus {
    /// Whether a report of this uptime tells of what is past. History comes again with every link, and a resumed boot begins a step
    /// that had ended anew.
    fileprivate func isNewer(than uptime: UInt64, _ state: StepState) -> Bool {
        guard let end = endMicroseconds else { return uptime < startMicroseconds }
        return state == .started ? uptime <= end : uptime < end
    }
}
