import Foundation

/// Where GRUB for one kind of firmware is installed.
struct GrubLocation {
    /// `grub-mkimage`.
    let imageTool: String
    /// The directory with GRUB's modules.
    let modules: String
    /// `grub-bios-setup`; nil where none is needed.
    let biosSetup: String?

    /// Finds it: programs in `searchPath`, else in `PATH` and where administrators have theirs; modules in `lib/grub` beside those.
    init(_ firmware: BootFirmware, searchPath: String? = nil) throws(BootLoaderError) {
        let path = searchPath ?? (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/usr/bin"
        let directories = path.split(separator: ":").map(String.init)
        let prefixes = directories.map { $0.split(separator: "/").dropLast().map { "/\($0)" }.joined() }
        // /bin and /sbin are links into /usr.
        var libraries: [String] = []
        for prefix in prefixes where !prefix.isEmpty {
            let library = "\(prefix)/lib/grub/\(firmware.grubTarget)"
            if !libraries.contains(library) { libraries.append(library) }
        }
        let package = firmware.grubPackage
        guard let modules = libraries.first(where: { access("\($0)/kernel.img", R_OK) == 0 }) else {
            throw .noGrub(file: "modules for \(firmware.grubTarget)", searched: libraries, package: package)
        }
        func find(_ names: [String], _ places: [String], _ package: String) throws(BootLoaderError) -> String {
            for place in places {
                for name in names where access("\(place)/\(name)", X_OK) == 0 { return "\(place)/\(name)" }
            }
            throw .noGrub(file: names[0], searched: places, package: package)
        }
        self.modules = modules
        // Fedora and its kin call the second edition grub2.
        imageTool = try find(["grub-mkimage", "grub2-mkimage"], directories, "grub-common")
        biosSetup = firmware == .bios ? try find(["grub-bios-setup", "grub2-bios-setup"], [modules] + directories, package) : nil
    }
}
