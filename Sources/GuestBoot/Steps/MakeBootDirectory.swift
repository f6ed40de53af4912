internal import LinuxSystem

/// Makes `/boot`, which boot loaders' scripts expect, as the 2010 module did.
enum MakeBootDirectory {
    static func run(root: String) throws(StepFailure) -> StepResult {
        do throws(Errno) {
            try Files.makeDirectory(root + "/boot")
            return .done("/boot")
        } catch {
            throw StepFailure("cannot make /boot on the root: " + error.description + "; make room below " + root + ", or use another disk")
        }
    }
}
