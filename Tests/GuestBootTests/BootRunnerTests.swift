import AgentProtocol
import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// How steps are run and reported; only with steps that change nothing but a directory of the test's own.
@Suite struct BootRunnerTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Runs the steps of a command line that have these names, and gives what was reported of them.
    private func run(_ commandLine: String, _ names: Set<String>) throws -> (messages: [BootMessage], failure: StepFailure?) {
        let (own, others) = try FileDescriptor.packetPair()
        defer { others.close() }
        var runner = BootRunner(
            plan: BootPlan(KernelCommandLine(commandLine)), root: directory.path, reporter: BootReporter(BootChannel(own)))
        var failure: StepFailure?
        do throws(StepFailure) { try runner.run { names.contains($0.name) } } catch { failure = error }
        own.close()
        var messages: [BootMessage] = []
        while case .message(let message) = BootChannel(others).receive(milliseconds: 60_000) { messages.append(message) }
        return (messages, failure)
    }

    private func outcomes(_ messages: [BootMessage]) -> [String] {
        messages.map { message in
            switch message {
            case .step(let report): "\(report.index) \(report.name) \(report.outcome) \(report.detail)"
            case .boot(let report): "\(report.state) \(report.detail)"
            default: "\(message)"
            }
        }
    }

    @Test func aStepIsReportedWhenItBeginsAndWhenItEndsWithItsPlaceInThePlan() throws {
        let (messages, failure) = try run("", ["boot-directory"])
        #expect(failure == nil)
        #expect(outcomes(messages) == ["8 boot-directory started ", "8 boot-directory succeeded /boot"])
        #expect(Files.isDirectory("\(directory.path)/boot"))
    }

    @Test func aFailureStopsTheStepsAfterItAndSaysWhichItWas() throws {
        let (messages, failure) = try run("", ["mount-root", "boot-directory"])
        let text = "/dev/vda has no filesystem to mount on \(directory.path)"
        #expect(failure == StepFailure(text))
        #expect(outcomes(messages) == ["5 mount-root started ", "5 mount-root failed \(text)", "failed mount-root: \(text)"])
        #expect(!Files.exists("\(directory.path)/boot"))
    }

    @Test func aWarningStopsNothing() throws {
        let (messages, failure) = try run(
            "regInfo=/nonexistent vm.nix-store=/bin/true", ["boot-directory", "register-store-paths"])
        #expect(failure == nil)
        #expect(outcomes(messages).count == 4)
        #expect(
            outcomes(messages).last?.hasPrefix("10 register-store-paths warned cannot read the registration regInfo=/nonexistent") == true)
    }

    @Test func aShareWithoutAStoreIsAnErrorBeforeAnyMount() throws {
        let (_, failure) = try run("", ["bind-store"])
        #expect(failure?.text.hasPrefix("the share on /hostfs has no directory nix/store;") == true)
        #expect(!Files.exists("\(directory.path)/nix"))
        #expect(try run("vm.writable-store", ["overlay-store"]).failure?.text.hasPrefix("cannot look at /nix/store: ") == true)
    }

    @Test func timesNeverGoBack() throws {
        let (messages, _) = try run("", ["boot-directory"])
        let times = messages.compactMap { message -> UInt64? in
            if case .step(let report) = message { report.uptime } else { nil }
        }
        #expect(times == times.sorted())
    }

    @Test func whatIsThereIsNotWaitedFor() throws {
        #expect(throws: Never.self) { try WaitFor.path(directory.path, "the directory", seconds: 0) }
        let failure = try #require(throws: StepFailure.self) { try WaitFor.path("/nonexistent", "the disk", seconds: 0) }
        #expect(failure.text.hasPrefix("waited 0 s for the disk (/nonexistent), which did not appear;"))
    }
}
