import ArgumentParser
import InitrdBuilder
import Glibc

/// `vm initrd`: what goes into a guest's initrd.
struct InitrdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "initrd", abstract: "Build the initrd that a guest boots from.", subcommands: [Build.self])
}

extension InitrdCommand {
    /// `vm initrd build`.
    struct Build: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write an initrd with the agent, mke2fs, e2fsck, busybox and a kernel's modules.",
            discussion: """
                The same files give the same bytes. Programs that are not static bring their libraries; modules bring the \
                modules they need and are loaded in that order.

                Example: vm initrd build --modules /lib/modules/$(uname -r) --output initrd.img
                """)

        @Option(name: .shortAndLong, help: "The file to write.")
        var output = "initrd.img"

        @Option(help: "The kernel's modules: lib/modules/RELEASE, or a root that has it, such as / or an unpacked package.")
        var modules: String

        @Option(help: "The kernel whose modules to take, where --modules has those of several.")
        var kernel: String?

        @Option(help: "The static vm-agent. (default: $VM_AGENT, else the one beside this program)")
        var agent: String?

        @Option(help: "The mke2fs that formats empty disks. (default: the one in PATH)")
        var mke2fs: String?

        @Option(help: "The e2fsck that mends disks that were not unmounted. (default: the one in PATH)")
        var e2fsck: String?

        @Option(help: "The static busybox for the guest's shell. (default: the one in PATH)")
        var busybox: String?

        @Option(name: .customLong("module"), help: ArgumentHelp("One more module to load; may be repeated.", valueName: "name"))
        var extraModules: [String] = []

        @Option(name: .customLong("add"), help: ArgumentHelp("A file or directory to put in; may be repeated.", valueName: "src:dest"))
        var additions: [String] = []

        @Option(help: "How to pack it: none or zstd; not packed it is several times larger, and boots a little faster.")
        var compression: CompressionName = .zstd

        @Option(parsing: .unconditional, help: "zstd's level, 1 to 19.")
        var level = 3

        @Flag(help: "Print what would be in it and write nothing.")
        var list = false

        @Flag(help: "Print the result (or the list) as JSON.")
        var json = false

        enum CompressionName: String, ExpressibleByArgument, CaseIterable {
            case none, zstd
        }

        mutating func validate() throws {
            guard (1...19).contains(level) else { throw ValidationError("--level must be from 1 to 19, not \(level).") }
            for addition in additions where InitrdDescription.Addition(parsing: addition) == nil {
                throw ValidationError("--add takes SOURCE:DESTINATION with an absolute destination, not '\(addition)'.")
            }
        }

        func run() throws { try Failure.wrapping(build) }

        private func build() throws {
            let plan = try description().plan()
            for note in plan.notes { say("note: \(note)") }
            if list {
                print(json ? InitrdCommandReport.json(listing: plan) : InitrdCommandReport.text(listing: plan))
                return
            }
            let packing: Compression =
                switch compression {
                case .none: .none
                case .zstd: .zstd(level: level)
                }
            let size = try plan.write(to: output, compression: packing)
            if json {
                print(InitrdCommandReport.json(listing: plan, output: output, bytes: size))
            } else if isatty(STDERR_FILENO) == 1 {
                say("\(output): \(plan.entries.count) entries, \(plan.modules.count) modules, \(size / 1024) KiB")
            }
        }

        private func say(_ text: String) {
            let line = Array("vm: \(text)\n".utf8)
            _ = Glibc.write(STDERR_FILENO, line, line.count)
        }

        private func description() throws -> InitrdDescription {
            let release = try kernel.flatMap { try KernelRelease.of(file: $0) }
            return InitrdDescription(
                agent: try agent ?? ProgramLocation.agent(),
                mke2fs: try mke2fs ?? ProgramLocation.mke2fs(),
                mke2fsConfiguration: ProgramLocation.mke2fsConfiguration(),
                e2fsck: try e2fsck ?? ProgramLocation.e2fsck(),
                busybox: try busybox ?? ProgramLocation.busybox(),
                moduleTree: try ModuleTree.locate(modules, release: release),
                modules: ModuleSet.standard.adding(extraModules),
                additions: additions.compactMap { InitrdDescription.Addition(parsing: $0) })
        }
    }
}
