internal import CLinux
internal import GuestBoot
internal import GuestSessions
internal import LinuxSystem

/// The agent's command line. Embedded Swift has no argument parser, and the agent's commands are few.
enum Invocation: Equatable {
    /// Boot: PID 1.
    case initialize
    /// The serving process of PID 1; its standard input is the boot channel.
    case serve
    /// The steps that need devices and no root: clock source, network, formatting.
    case postDevice
    /// The steps below a root that another initrd has mounted.
    case postMount(root: String)
    /// Load a registration (nil: `regInfo` of the kernel command line) into this system's Nix database.
    case loadDatabase(registration: String?)
    /// Go on with a boot that has failed.
    case resume(ResumeRequest)
    /// Keep links and serve, nothing else.
    case connect(LinkSettings)
    /// One copy, with its stream on the standard input and output: what the serving process starts.
    case copyIn, copyOut
    /// Print the boot plan of a command line (nil: this kernel's).
    case plan(commandLine: String?)
    case help
    case version
    /// What is wrong with the command line.
    case wrong(String)

    /// This process's own.
    static var own: Invocation {
        var words: [String] = []
        while let word = linux_argument(CInt(words.count)) { words.append(String(cString: word)) }
        return Invocation(words, processID: getpid())
    }

    init(_ words: [String], processID: CInt) {
        let name = words.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
        // The kernel adds words of its command line that it does not know to those of `/init`.
        if name == "init" && processID == 1 {
            self = .initialize
            return
        }
        let operands = Array(words.dropFirst(2))
        guard let command = words.dropFirst().first else {
            self = .wrong("a command is needed")
            return
        }
        switch (command, operands.count) {
        case ("init", 0): self = processID == 1 ? .initialize : .wrong("'init' is for PID 1, in an initrd")
        case ("serve", 0): self = .serve
        case ("post-device", 0): self = .postDevice
        case ("post-mount", 1): self = .postMount(root: operands[0])
        case ("load-db", 0): self = .loadDatabase(registration: nil)
        case ("load-db", 1): self = .loadDatabase(registration: operands[0])
        case ("connect", _): self = Invocation.connect(operands)
        case ("resume", _): self = Invocation.resume(operands)
        case ("copy-in", 0): self = .copyIn
        case ("copy-out", 0): self = .copyOut
        case ("plan", 0): self = .plan(commandLine: nil)
        case ("plan", _): self = .plan(commandLine: operands.joined(separator: " "))
        case ("help", _), ("--help", _), ("-h", _): self = .help
        case ("--version", 0), ("version", 0): self = .version
        case ("post-mount", 0): self = .wrong("post-mount needs the directory that the root is mounted on, such as /mnt-root")
        case ("post-device", _), ("post-mount", _), ("load-db", _), ("init", _), ("serve", _):
            self = .wrong("too many words after '\(command)'")
        default: self = .wrong("there is no command '\(command)'")
        }
    }

    private static func resume(_ options: [String]) -> Invocation {
        switch (options.first, options.count) {
        case (nil, _): .resume(.retry)
        case ("--skip", 1): .resume(.skip)
        case ("--explain", 1): .resume(.explain)
        case ("--from", 2): .resume(.from(options[1]))
        case ("--from", _): .wrong("'resume --from' needs the name of one step, as 'vm-agent plan' prints it")
        default: .wrong("'resume' takes one of --skip, --from STEP and --explain")
        }
    }

    private static func connect(_ options: [String]) -> Invocation {
        var settings = LinkSettings()
        var places: [LinkPlace] = []
        var rest = options[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { return .wrong("'connect \(option)' needs a value") }
            switch option {
            case "--socket": places.append(.unixSocket(path: value))
            case "--descriptor":
                guard let number = CInt(value), number >= 0 else { return .wrong("--descriptor \(value): must be a number") }
                places.append(.descriptor(FileDescriptor(rawValue: number)))
            case "--token-file": settings.tokenFile = value
            default: return .wrong("'connect' has no option '\(option)'")
            }
        }
        if !places.isEmpty { settings.places = places }
        return .connect(settings)
    }

    static let usage = """
        usage: vm-agent COMMAND

        The guest's side of a throwaway VM. In an initrd it is /init and boots the guest; other initrds call its parts.

          init               boot as PID 1: the whole flow (also when called as /init)
          post-device        clock source, network, and formatting the disk when it is proved empty
          post-mount ROOT    host files, store and /boot below ROOT, where the root filesystem is mounted
          load-db [FILE]     load the registration FILE (default: regInfo= of the kernel command line) into the Nix database
          resume             after a boot that failed, try the step again and boot on from there
            --skip              … from the step after it
            --from STEP         … from STEP
            --explain           say what has failed and why, and do nothing
          connect            connect to the host's vm-proxy over every transport there is, and serve sessions
            --socket PATH       … over the UNIX socket PATH instead; may be repeated
            --descriptor N      … over the connected descriptor N instead, until that is closed
            --token-file FILE   … with the token in FILE, not the one in fw_cfg
          plan [CMDLINE …]   print the boot plan of this kernel's command line, or of CMDLINE, and do nothing
          --version          print the version

        Parameters of the kernel command line: docs/kernel-parameters.md, or man vm-agent.
        Exit codes: 0 done, 1 a step failed (the error says which and why), 64 wrong usage.

        """
}
