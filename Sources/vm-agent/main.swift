internal import AgentProtocol
internal import CLinux
internal import GuestBoot
internal import GuestSessions
internal import LinuxSystem

private func say(_ text: String, to descriptor: CInt = 1) {
    try? FileDescriptor(rawValue: descriptor).writeAll(Array(text.utf8))
}

/// Runs some steps of this kernel's plan in an initrd of somebody else's.
private func runSteps(root: String, isMounted: Bool = false, where isWanted: (BootStep) -> Bool) -> CInt {
    var runner = BootRunner(plan: BootParameters.plan(), root: root, reporter: BootReporter(nil))
    do throws(StepFailure) {
        if isMounted { try RootDirectories.make(in: root, on: root) }
        try runner.run(where: isWanted)
        return 0
    } catch {
        say("vm-agent: \(error.text)\n", to: 2)
        return 1
    }
}

private func loadDatabase(_ file: String?, root: String?) -> CInt {
    let plan = BootParameters.plan()
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
    do throws(StepFailure) {
        if let root { try MountedRoot.enter(root) }
    } catch {
        say("vm-agent: \(error.text)\n", to: 2)
        return 1
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
            case .installTools, .setClockSource, .bringUpNetwork, .bringUpVLANs, .formatEmptyDisk: true
            default: false
            }
        })
case .postMount(let root):
    exit(
        runSteps(root: root, isMounted: true) { step in
            switch step {
            case .mountHostFiles, .bindStore, .overlayStore, .mountShares, .makeBootDirectory, .mountBootDisk, .nameHosts, .setNameServer:
                true
            default: false
            }
        })
case .loadDatabase(let registration, let root): exit(loadDatabase(registration, root: root))
case .resume(let request):
    exit(ResumeSocket.ask(request) { text, isError in say(text + (text.utf8.last == 10 ? "" : "\n"), to: isError ? 2 : 1) })
case .connect(let links, let inInitrd):
    if links.isOfGuests, !ServingProcess.claimGuest() {
        say("vm-agent: another vm-agent serves this guest already; 'connect --socket PATH' connects elsewhere\n", to: 2)
        exit(1)
    }
    let systemPath = BootParameters.plan().systemPath
    guard let server = Server(channel: nil, systemPath: systemPath, links: links, inInitrd: inInitrd) else { exit(1) }
    server.run()
case .copyIn: exit(CopyProcess.run(.copyIn))
case .copyOut: exit(CopyProcess.run(.copyOut))
case .plan(let commandLine):
    say((commandLine.map { BootPlan(KernelCommandLine($0)) } ?? BootParameters.plan()).text)
case .help: say(Invocation.usage)
case .version: say("vm-agent \(Version.text)\n")
case .wrong(let reason):
    say("vm-agent: \(reason)\n\n\(Invocation.usage)", to: 2)
    exit(64)
}
