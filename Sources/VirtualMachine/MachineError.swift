/// Why a machine cannot run.
public enum MachineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A program that is needed is not installed.
    case programNotFound(program: String, package: String)
    /// A program could not be started.
    case cannotStart(program: String, reason: String)
    /// KVM was asked for and does not work.
    case noKVM(reason: String)
    /// The QMP socket's path is longer than a socket address can be.
    case socketPathTooLong(path: String, limit: Int)
    /// The kernel or initrd cannot be read.
    case unreadableBootFile(BootFile, path: String, reason: String)
    /// The file is no kernel, or no initrd.
    case wrongBootFile(BootFile, path: String, fault: String)
    /// The kernel command line is longer than the kernel's memory for it.
    case commandLineTooLong(bytes: Int, limit: Int)
    /// A number in the description is out of range.
    case invalidNumber(name: String, value: Int, range: ClosedRange<Int>)

    /// A file that QEMU loads for the guest.
    public enum BootFile: String, Equatable, Sendable {
        /// The kernel image.
        case kernel
        /// The initrd.
        case initrd
    }

    /// What is wrong and what helps, for a person.
    public var description: String {
        switch self {
        case .programNotFound(let program, let package):
            "cannot find \(program) in PATH: install the Debian package \(package) (apt-get install \(package))"
        case .cannotStart(let program, let reason): "cannot start \(program): \(reason)"
        case .noKVM(let reason): "cannot use KVM: \(reason); use --accel tcg (or --accel auto)"
        case .socketPathTooLong(let path, let limit):
            "cannot make a socket at \(path): the path is longer than \(limit) bytes; choose a shorter runtime directory (XDG_RUNTIME_DIR or TMPDIR)"
        case .unreadableBootFile(.kernel, let path, let reason):
            "cannot read the kernel \(path): \(reason); give --kernel a kernel image, such as the /boot/vmlinuz-… of the Debian package linux-image-cloud-amd64"
        case .unreadableBootFile(.initrd, let path, let reason):
            "cannot read the initrd \(path): \(reason); leave --initrd out to have one built"
        case .wrongBootFile(.kernel, let path, let fault):
            "\(path) is no kernel image: \(fault); give --kernel one, such as the /boot/vmlinuz-… of the Debian package linux-image-cloud-amd64"
        case .wrongBootFile(.initrd, let path, let fault):
            "\(path) is no initrd: \(fault); an initrd is a cpio archive, packed or not: leave --initrd out to have one built"
        case .commandLineTooLong(let bytes, let limit):
            "the kernel command line has \(bytes) bytes; the kernel takes \(limit), and with more it stops before its first line: use fewer or shorter words (--append, $QEMU_KERNEL_PARAMS)"
        case .invalidNumber(let name, let value, let range):
            "\(value) is no possible \(name): give a number from \(range.lowerBound) to \(range.upperBound)"
        }
    }
}
