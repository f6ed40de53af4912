internal import AgentProtocol
internal import CLinux
internal import GuestBoot
internal import GuestSessions
internal import LinuxSystem

private func say(_ text: String, to descriptor: CInt = 1) {
    try? FileDescriptor(rawValue: descriptor).writeAll(Array(text.utf8))
}

private func kernelCommandLine() -> KernelCommandLine {
    KernelCommandLine((try? Files.readLine("/proc/cmdline")) ?? "")
}

/// Runs some steps of this kernel's plan in an initrd of somebody else's.
private func runSteps(root: String, where isWanted: (BootStep) -> Bool) -> CInt {
    var runner = BootRunner(plan: BootPlan(kernelCommandLine()), root: root, reporter: BootReporter(nil))
    do throws(StepFailure) {
        try runner.run(where: isWanted)
        return 0
    } catch {
        say("vm-agent: \(error.text)\n", to: 2)
        return 1
    }
}

private func loadDatabase(_ file: String?) -> CInt {
    let plan = BootPlan(kernelCommandLine())
    var registration = file
    var nixStore: String?
    for case .registerStorePaths(let named, let program) in plan.steps {
        registration = registration ?? named
        nixStore = program
    }
    guard let registration else {
        say("vm-agent: no registration: name a file, or boot with regInfo=FILE on the kernel command line\n", to: 2)
        return 64
    }
    let result = RegisterStorePaths.run(registration: registration, nixStore: nixStore, systemPath: plan.systemPath)
    say("vm-agent: \(result.detail)\n", to: result.isWarning ? 2 : 1)
    return result.isWarning ? 1 : 0
}

switch Invocation.own {
case .initialize: FirstProcess.run()
case .serve:
    _ = ServingProcess.claimGuest()
    guard let server = Server(channel: BootChannel(FileDescriptor(rawValue: 0))) else { exit(1) }
    server.run()
case .postDevice:
    exit(
        runSteps(root: BootPlan.stagingRoot) { step in
            switch step {
            case .setClockSource, .bringUpNetwork, .bringUpVLANs, .formatEmptyDisk: true
            default: false
            }
        })
case .postMount(let root):
    exit(
        runSteps(root: root) { step in
            switch step {
            case .mountHostFiles, .bindStore, .overlayStore, .mountShares, .makeBootDirectory, .nameHosts, .setNameServer: true
            default: false
            }
        })
case .loadDatabase(let registration): exit(loadDatabase(registration))
case .resume(let request):
    exit(ResumeSocket.ask(request) { text, isError in say(text + (text.utf8.last == 10 ? "" : "\n"), to: isError ? 2 : 1) })
case .connect(let links):
    if links.isOfGuests, !ServingProcess.claimGuest() {
        say("vm-agent: another vm-agent serves this guest already; 'connect --socket PATH' connects elsewhere\n", to: 2)
        exit(1)
    }
    guard let server = Server(channel: nil, systemPath: BootPlan(kernelCommandLine()).systemPath, links: links) else { exit(1) }
    server.run()
case .copyIn: exit(CopyProcess.run(.copyIn))
case .copyOut: exit(CopyProcess.run(.copyOut))
case .plan(let commandLine):
    say(BootPlan(commandLine.map { KernelCommandLine($0) } ?? kernelCommandLine()).text)
case .help: say(Invocation.usage)
case .version: say("vm-agent \(Version.text)\n")
case .wrong(let reason):
    say("vm-agent: \(reason)\n\n\(Invocation.usage)", to: 2)
    exit(64)
}
