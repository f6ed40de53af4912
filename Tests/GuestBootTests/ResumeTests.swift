import AgentProtocol
import CLinux
import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// Where a boot that has failed goes on.
@Suite struct ResumeTests {
    private static let plan = BootPlan(KernelCommandLine("vm.hostfs=none init=/init"))
    // install-tools load-modules clock-source network format-empty-disk mount-root boot-directory switch-root enter-init
    private static let mountRoot = 5

    private func start(_ request: ResumeRequest, failed: Int = mountRoot, isSwitched: Bool = false) throws(StepFailure) -> Int? {
        try request.start(in: Self.plan, failed: failed, isSwitched: isSwitched)
    }

    @Test func aRetryBeginsWithTheStepThatFailedAndASkipWithTheOneAfterIt() throws {
        #expect(try start(.retry) == Self.mountRoot)
        #expect(try start(.skip) == Self.mountRoot + 1)
        #expect(try start(.explain) == nil)
        // After the last step there is none: the boot is over.
        #expect(try start(.skip, failed: Self.plan.steps.count - 1) == Self.plan.steps.count)
    }

    @Test func anyStepCanBeBegunWithByItsNameBeforeTheSwitch() throws {
        for (place, step) in Self.plan.steps.enumerated() { #expect(try start(.from(step.name)) == place) }
        let failure = try #require(throws: StepFailure.self) { try start(.from("nonsense")) }
        #expect(
            failure.text.hasPrefix("there is no step 'nonsense' that this boot can go on from: there are install-tools, load-modules, "))
    }

    @Test func afterTheSwitchOnlyWhatComesAfterItCanBeBegunWith() throws {
        let last = Self.plan.steps.count - 1
        #expect(try start(.from("enter-init"), failed: last, isSwitched: true) == last)
        for step in Self.plan.steps.dropLast() {
            let failure = try #require(throws: StepFailure.self) { try start(.from(step.name), failed: last, isSwitched: true) }
            #expect(failure.text == "there is no step '\(step.name)' that this boot can go on from: there are enter-init")
        }
    }

    @Test(arguments: [ResumeRequest.explain, .retry, .skip, .from("mount-root"), .from("")])
    func aRequestSurvivesItsPacket(_ request: ResumeRequest) {
        #expect(ResumeRequest(text: request.text) == request)
    }

    @Test(arguments: ["", "from", "retry ", "nonsense", "FROM x"]) func whatIsNoRequestIsNone(_ text: String) {
        #expect(ResumeRequest(text: text) == nil)
    }

    @Test func whatTheKernelSaysOfAnInitIsExplained() {
        #expect(EnterInit.advice(.noSuchFile, isThere: false).contains("is the system in the share"))
        #expect(EnterInit.advice(.noSuchFile, isThere: true).contains("interpreter"))
        #expect(EnterInit.advice(Errno(EACCES), isThere: true).contains("chmod +x"))
        #expect(EnterInit.advice(Errno(ENOEXEC), isThere: true).contains("#!"))
    }

    // MARK: A runner

    @Test func aStepThatFailedSucceedsAtTheNextAttemptAndTheBootIsReady() throws {
        let directory = try TemporaryDirectory()
        let (own, others) = try FileDescriptor.packetPair()
        defer { others.close() }
        let root = "\(directory.path)/root"
        var plan = BootPlan(KernelCommandLine(""))
        plan.steps = [.makeBootDirectory]
        var runner = BootRunner(plan: plan, root: root, reporter: BootReporter(BootChannel(own)))
        // A file where the directory should be.
        try FileDescriptor.open(root, .create).close()
        do throws(StepFailure) { try runner.run() } catch {}
        #expect(runner.failureText?.hasPrefix("boot-directory: cannot make /boot on the root: ") == true)
        #expect(runner.rescueText.contains("'vm-agent resume'"))
        unlink(root)
        #expect(try runner.start(.retry) == 0)
        try runner.run(from: 0)
        #expect(runner.failureText == nil)
        own.close()
        var states: [BootState] = []
        while case .message(let message) = BootChannel(others).receive(milliseconds: 60_000) {
            if case .boot(let report) = message { states.append(report.state) }
        }
        #expect(states == [.failed, .booting, .ready])
    }
}

/// What may hang is done by a child that can be given up.
@Suite struct InChildTests {
    @Test func whatTheChildSaysIsTheAnswer() {
        #expect(InChild.run(seconds: 60, whileWaiting: { _ in }) { nil } == nil)
        #expect(InChild.run(seconds: 60, whileWaiting: { _ in }) { "it failed" } == "it failed")
    }

    @Test func aChildThatHangsIsGivenUpAndWaitingIsTold() {
        var told: [Int] = []
        let answer = InChild.run(seconds: 3, whileWaiting: { told.append($0) }) {
            _ = sleep(1_000)
            return nil
        }
        #expect(answer == "not done within 3 s")
        #expect(told.first == 1 && told.count <= 3)
    }

    @Test func aChildThatIsKilledHasFailed() {
        let answer = InChild.run(seconds: 60, whileWaiting: { _ in }) {
            _ = kill(getpid(), SIGKILL)
            return nil
        }
        #expect(answer == "its process ended by signal 9")
    }
}

@Suite struct ResumeClientTests {
    /// Else `vm-agent resume` took a refusal for the guest's init, which lets go of the connection, too.
    @Test func aRefusalThatWasSaidBeforeTheRequestWasReadIsHeard() throws {
        let (ours, theirs) = try FileDescriptor.packetPair()
        let client = ResumeClient(ours)
        defer { client.close() }
        client.send("resume")
        ResumeClient(theirs).end(.refused, "only root may ask for that")
        #expect(client.receive(milliseconds: 60_000) == .said(Array("-only root may ask for that".utf8)))
        #expect(client.receive(milliseconds: 60_000) == .ended)
    }
}
