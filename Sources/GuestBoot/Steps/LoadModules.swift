internal import CLinux
internal import LinuxSystem

/// Loads the initrd's kernel modules. The initrd's builder has put every module after those that it needs, virtio-rng
/// first: mke2fs and Nix wait for entropy otherwise (3.3 s instead of 0.3 s on a fresh VM). Where it has put the modules'
/// signatures beside them, they are used only if the kernel insists.
enum LoadModules {
    static let directory = "/lib/modules"

    static func run() throws(StepFailure) -> StepResult {
        guard let order = try? Files.read("\(directory)/order") else {
            return .done("no \(directory)/order in the initrd: the kernel must have all drivers built in")
        }
        var loaded = 0
        var refused: [String] = []
        // What is for another processor, as a faster cipher that a module would like to have.
        var idle = ""
        for name in String(decoding: order, as: UTF8.self).split(separator: "\n") {
            do throws(Errno) {
                try KernelModule.load("\(directory)/\(name)", signature: "\(directory)/\(name).sig")
                loaded += 1
            } catch {
                if error.code == ENODEV {
                    idle += "; not for this machine: " + name
                    continue
                }
                refused.append("\(name): \(error.description)")
            }
        }
        guard refused.isEmpty else {
            return .warning("\(loaded) modules loaded; refused: \(refused.joined(separator: ", ")); are they of this kernel?")
        }
        return .done("\(loaded) modules" + idle)
    }
}
