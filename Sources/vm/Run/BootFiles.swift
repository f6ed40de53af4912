import Foundation
import InitrdBuilder
import VirtualMachine

/// The kernel and initrd of a run.
struct BootFiles {
    let kernel: String
    let initrd: String

    /// Takes the initrd that was named or one from the cache, which is built when it is not there.
    init(
        _ found: FoundKernel, _ options: MachineOptions, _ bootOptions: BootOptions, _ accelerator: Accelerator,
        _ shareModules: ModuleSet, note: (String) -> Void
    ) throws {
        kernel = found.path
        guard let tree = found.moduleTree else {
            initrd = Self.absolute(options.initrd ?? "")
            return
        }
        let description = InitrdDescription(
            agent: try ProgramLocation.agent(), mke2fs: try ProgramLocation.mke2fs(),
            mke2fsConfiguration: ProgramLocation.mke2fsConfiguration(), e2fsck: try ProgramLocation.e2fsck(),
            busybox: try ProgramLocation.busybox(), moduleTree: tree,
            modules: ModuleSet.links.adding(shareModules).adding(.overlay).adding(bootOptions.modules(tree)).adding(options.extraModules),
            // Without KVM the kernel takes 20 ms to check each.
            signatures: accelerator == .tcg ? .apart : .inModule)
        let plan = try description.plan()
        plan.notes.forEach(note)
        initrd = try InitrdCache.ofUser().image(of: plan)
    }

    /// The kernel of a run, and its modules; nil when an initrd is named, whose modules nobody knows.
    struct FoundKernel {
        let path: String
        let moduleTree: ModuleTree?

        /// Finds them.
        init(_ options: MachineOptions) throws {
            path = try BootFiles.kernel(options.kernel)
            guard options.initrd == nil else {
                moduleTree = nil
                return
            }
            let release = try KernelRelease.of(file: path)
            moduleTree = try ModuleTree.locate(try BootFiles.modules(options.modules, kernel: path, release: release), release: release)
        }
    }

    /// `option`, else `$VM_KERNEL`, else the kernel that runs here, else the newest in `/boot`.
    private static func kernel(_ option: String?) throws(Failure) -> String {
        // An empty variable is none, as with $NIX_DISK_IMAGE.
        let variable = ProcessInfo.processInfo.environment["VM_KERNEL"].flatMap { $0.isEmpty ? nil : $0 }
        if let named = option ?? variable {
            guard FileManager.default.fileExists(atPath: named) else {
                throw Failure("no such kernel: \(named); give --kernel or VM_KERNEL the path of a kernel image")
            }
            return absolute(named)
        }
        var system = utsname()
        uname(&system)
        let running = withUnsafeBytes(of: &system.release) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
        if access("/boot/vmlinuz-\(running)", R_OK) == 0 { return "/boot/vmlinuz-\(running)" }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: "/boot")) ?? []).filter { $0.hasPrefix("vmlinuz-") }
        let newest = names.filter { access("/boot/\($0)", R_OK) == 0 }.max { $0.compare($1, options: .numeric) == .orderedAscending }
        if let newest { return "/boot/\(newest)" }
        throw Failure(
            "no kernel: there is none in /boot that this user can read; give --kernel or VM_KERNEL a kernel image, such as the "
                + "boot/vmlinuz-… of the Debian package linux-image-cloud-amd64")
    }

    /// `option`, else the tree that the kernel's own package put beside it, else this machine's.
    private static func modules(_ option: String?, kernel: String, release: String?) throws(Failure) -> String {
        if let option { return option }
        guard release != nil else {
            throw Failure(
                "\(kernel) is no kernel image that can be told: it has no bzImage header, and its name is not vmlinuz-RELEASE; "
                    + "give --kernel another file, or name its modules with --modules")
        }
        let real = URL(fileURLWithPath: kernel).resolvingSymlinksInPath()
        let root = real.deletingLastPathComponent().deletingLastPathComponent().path
        // NixOS has both in one directory.
        let roots = [root, real.deletingLastPathComponent().path, "/"].map { $0 == "/" ? "" : $0 }
        let places = roots.flatMap { root in ["lib", "usr/lib"].map { "\(root)/\($0)/modules" } }.map { "\($0)/\(release ?? "")" }
        for place in places where FileManager.default.fileExists(atPath: place) { return place }
        throw Failure(
            "no modules for the kernel \(kernel)\(release.map { " (\($0))" } ?? ""): looked for \(places.joined(separator: ", ")); "
                + "give --modules their directory")
    }

    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}
