internal import AgentProtocol
internal import LinuxSystem

/// Runs a boot plan's steps in order, and reports each.
public struct BootRunner: Sendable {
    /// The plan.
    public let plan: BootPlan
    /// The directory that becomes the root; `/` once it has.
    public private(set) var root: String
    /// How the disk was found, for the mount.
    private var diskContent: DiskContent?
    /// Who is told.
    public var reporter: BootReporter
    /// The step that failed last, as its place in the plan, and why.
    public private(set) var failure: (place: Int, reason: String)?

    /// A runner for `plan` that puts the root together below `root`.
    public init(plan: BootPlan, root: String = BootPlan.stagingRoot, reporter: BootReporter) {
        self.plan = plan
        self.root = root
        self.reporter = reporter
    }

    /// Runs all steps, or those from place `first` on. Returns when there is no init to enter.
    ///
    /// - Throws: the first failure, which has been reported. The guest stays as the steps before it left it.
    public mutating func run(from first: Int = 0) throws(StepFailure) {
        if first == 0 { for warning in plan.warnings { writeKernelLog(.error, warning) } }
        if failure != nil { reporter.boot(.booting, "resumed") }
        failure = nil
        if let system = plan.systemPath { reporter.channel?.send(.system(system)) }
        for (index, step) in plan.steps.enumerated() where index >= first { try run(step, index) }
        reporter.boot(.ready, "the agent stays PID 1")
    }

    /// The step that failed and why, as a line; nil when none has.
    public var failureText: String? {
        guard let failure else { return nil }
        return plan.steps[failure.place].name + ": " + failure.reason
    }

    /// The same for whoever enters the guest, with the way out.
    public var rescueText: String {
        guard let failure else { return "" }
        return Rescue.text(step: plan.steps[failure.place].name, reason: failure.reason)
    }

    /// Where the boot is to go on when it is asked for; nil for nowhere.
    public func start(_ request: ResumeRequest) throws(StepFailure) -> Int? {
        guard let failure else { return nil }
        return try request.start(in: plan, failed: failure.place, isSwitched: root == "/")
    }

    /// Runs those steps of the plan that `isWanted` picks: for initrds that do the rest themselves.
    public mutating func run(where isWanted: (BootStep) -> Bool) throws(StepFailure) {
        for (index, step) in plan.steps.enumerated() where isWanted(step) { try run(step, index) }
    }

    // Once, and not in each of its callers: the agent is to be small.
    @inline(never) private mutating func run(_ step: BootStep, _ index: Int) throws(StepFailure) {
        // Asked for while the step before ran.
        powerOffIfAsked(reporter)
        reporter.step(index, step, .started)
        do throws(StepFailure) {
            let result = try perform(step, index)
            reporter.step(index, step, result.isWarning ? .warned : .succeeded, result.detail)
        } catch {
            failure = (index, error.text)
            reporter.step(index, step, .failed, error.text)
            reporter.boot(.failed, step.name + ": " + error.text)
            throw error
        }
    }

    private mutating func perform(_ step: BootStep, _ index: Int) throws(StepFailure) -> StepResult {
        switch step {
        case .loadModules: return try LoadModules.run()
        case .installTools: return InstallTools.run()
        case .setClockSource(let wanted): return SetClockSource.run(wanted: wanted)
        case .bringUpNetwork(let interface):
            let result = try BringUpNetwork.run(interface: interface)
            reporter.channel?.send(.networkUp)
            return result
        case .bringUpVLANs(let interfaces): return try BringUpVLANs.run(interfaces)
        case .formatEmptyDisk(let device, let filesystem, let policy):
            let reporter = self.reporter
            let outcome = try FormatEmptyDisk.run(device: device, filesystem: filesystem, when: policy) { progress in
                reporter.step(index, step, .started, progress)
                powerOffIfAsked(reporter)
            }
            diskContent = outcome.content
            return outcome.result
        case .mountRoot where Mount.isMountPoint(root), .mountMemoryRoot where Mount.isMountPoint(root),
            .mountSharedRoot where Mount.isMountPoint(root):
            // By an earlier attempt, or by whoever repairs this boot.
            try RootDirectories.make(in: root, on: step.arguments)
            return .done("\(root) is mounted already: kept")
        case .mountRoot(let device):
            let reporter = self.reporter
            return try MountRoot.run(device: device, content: diskContent, root: root) { progress in
                reporter.step(index, step, .started, progress)
                powerOffIfAsked(reporter)
            }
        case .mountMemoryRoot: return try MountMemoryRoot.run(root: root)
        case .mountSharedRoot(let source):
            let reporter = self.reporter
            return try MountSharedRoot.run(source, root: root) { progress in
                reporter.step(index, step, .started, progress)
                powerOffIfAsked(reporter)
            }
        case .mountShares(let mounts):
            let reporter = self.reporter
            return try MountShares.run(mounts, root: root) { progress in
                reporter.step(index, step, .started, progress)
                powerOffIfAsked(reporter)
            }
        case .mountHostFiles(let share, let others):
            let reporter = self.reporter
            return try MountHostFiles.run(share: share, others: others, root: root) { progress in
                reporter.step(index, step, .started, progress)
                powerOffIfAsked(reporter)
            }
        case .bindStore: return try BindStore.run(root: root)
        case .overlayStore: return try OverlayStore.run(root: root)
        case .makeBootDirectory: return try MakeBootDirectory.run(root: root)
        case .setNameServer(let address): return SetNameServer.run(address, root: root)
        case .nameHosts: return try NameHosts.run(root: root)
        case .switchRoot:
            let result = try SwitchRoot.run(root: root, channel: reporter.channel)
            root = "/"
            return result
        case .registerStorePaths(let registration, let nixStore):
            return RegisterStorePaths.run(registration: registration, nixStore: nixStore, systemPath: plan.systemPath)
        case .enterInit(let path):
            // Its report has to come first: where it succeeds, nothing of this program is left to report.
            reporter.boot(.booting, "entering \(path)")
            throw EnterInit.run(path: path)
        }
    }
}

/// Does what the serving process has asked for during a step.
private func powerOffIfAsked(_ reporter: BootReporter) {
    if case .message(.powerOff)? = reporter.channel?.receive(milliseconds: 0) { PowerOff.run(.powerOff) }
}
