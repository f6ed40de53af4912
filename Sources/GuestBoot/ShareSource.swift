internal import CLinux
internal import LinuxSystem

/// Where a tree of the host's comes from, as the kernel command line names it.
public enum ShareSource: Equatable, Sendable {
    /// `//SERVER/SHARE`: SMB1 with UNIX extensions.
    case cifs(server: String, share: String)
    /// `virtiofs:TAG`: a virtio filesystem device.
    case virtiofs(tag: String)
    /// `9p:TAG`: a virtio 9p device.
    case plan9(tag: String)
    /// `image:SERIAL`: a disk with an EROFS filesystem, found by its serial number.
    case image(serial: String)

    /// Reads a source; nil when it is of none of these forms.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if parts.count == 4, parts[0].isEmpty, parts[1].isEmpty, !parts[2].isEmpty, !parts[3].isEmpty {
            self = .cifs(server: String(decoding: parts[2], as: UTF8.self), share: String(decoding: parts[3], as: UTF8.self))
            return
        }
        guard parts.count == 1, let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = String(text[text.utf8.index(after: colon)...])
        guard !name.isEmpty else { return nil }
        switch text[..<colon] {
        case "virtiofs": self = .virtiofs(tag: name)
        case "9p": self = .plan9(tag: name)
        case "image": self = .image(serial: name)
        default: return nil
        }
    }

    /// As on the kernel command line.
    public var text: String {
        switch self {
        case .cifs(let server, let share): "//" + server + "/" + share
        case .virtiofs(let tag): "virtiofs:" + tag
        case .plan9(let tag): "9p:" + tag
        case .image(let serial): "image:" + serial
        }
    }

    /// The share `name` of the same server or kind; nil for an image, of which there is one.
    func sibling(_ name: String) -> ShareSource? {
        switch self {
        case .cifs(let server, _): .cifs(server: server, share: name)
        case .virtiofs: .virtiofs(tag: name)
        case .plan9: .plan9(tag: name)
        case .image: nil
        }
    }

    /// The kernel's name for such a filesystem.
    private var driver: String {
        switch self {
        case .cifs: "cifs"
        case .virtiofs: "virtiofs"
        case .plan9: "9p"
        case .image: "erofs"
        }
    }

    /// What else is needed for such a mount, for errors.
    private var hint: String {
        switch self {
        case .cifs: "Is the host's smbd running, with this share and \"server min protocol = NT1\", and cifs.ko in the initrd?"
        case .virtiofs: "Does the host's virtiofsd run, with a device of this tag, and is virtiofs.ko in the initrd?"
        case .plan9: "Has the VM a virtio-9p device of this tag, and is 9pnet_virtio.ko in the initrd?"
        case .image: "Has the VM a disk with this serial number, and is erofs.ko in the initrd?"
        }
    }

    /// How a tree is mounted.
    enum Use {
        /// It stays as it is while the guest runs, as a store does: what was seen of it once may be kept for an hour.
        case fixed
        /// Others may change it, and the guest may not.
        case readOnly
        /// Others may change it, and so may the guest.
        case writable
    }

    /// How long a server may take to answer, in seconds: one that takes half a minute is slow, one that takes a minute is not there.
    static let patience = 60
    /// An attempt that fails sooner than this, in microseconds, has not failed for want of an answer.
    private static let silence: UInt64 = 10_000_000

    /// Mounts it on the existing directory `target`. In a process of its own, since a server that is silent could keep PID 1 waiting
    /// for ever; `progress` is told how long it takes.
    func mount(on target: String, _ use: Use, _ progress: (String) -> Void) throws(StepFailure) {
        let log = KernelLogReader()
        defer { log?.close() }
        let failure = InChild.run(seconds: ShareSource.patience) { seconds in
            progress("waiting for the server of " + text + ": \(seconds) s")
        } _: {
            // A server that is silent for 20 s is given up by the kernel; at its next connection it may have woken.
            while true {
                let start = Uptime.microseconds
                do throws(MountError) {
                    try attempt(target, use)
                    return nil
                } catch {
                    guard error.errno == Errno(EHOSTDOWN), Uptime.microseconds - start > ShareSource.silence else { return error.text }
                }
            }
        }
        guard let failure else { return }
        // What was given up has not told the kernel's words itself.
        let isTold = failure.hasPrefix("cannot ")
        let words = isTold ? "" : "cannot mount " + text + " on " + target + " (" + driver + "): "
        let kernel = isTold ? "" : (log?.newMessages() ?? []).map { "; " + $0 }.joined()
        throw StepFailure(words + failure + kernel + ". " + hint)
    }

    private func attempt(_ target: String, _ use: Use) throws(MountError) {
        let attributes: Mount.Attributes = use == .writable ? [] : .readOnly
        switch self {
        case .cifs(let server, _):
            let options = ShareSource.options(server: server, use)
            try Mount.filesystem("cifs", source: text, on: target, options: options, attributes: attributes)
        case .virtiofs(let tag): try Mount.filesystem("virtiofs", source: tag, on: target, attributes: attributes)
        case .plan9(let tag):
            // `mmap` keeps no more than what programs need to be mapped.
            let options: [MountOption] = [
                .value("trans", "virtio"), .value("version", "9p2000.L"), .value("msize", "262144"),
                .value("cache", use == .fixed ? "loose" : "mmap"),
            ]
            try Mount.filesystem("9p", source: tag, on: target, options: options, attributes: attributes)
        case .image(let serial):
            // Where there is none, a name that tells it in the error. The disk itself is read-only, and refuses to be opened otherwise.
            let disk = ShareSource.disk(serial: serial) ?? "/dev/disk/by-id/virtio-" + serial
            try Mount.filesystem("erofs", source: disk, on: target, options: [.flag("ro")], attributes: .readOnly)
        }
    }

    /// SMB1 with UNIX extensions, because SMB3 follows or loses the store's symlinks. `noperm` leaves permission to the server, which
    /// sees one user only; `noacl` asks for no ACLs. `cache=loose` lets pages and attributes live as long as the tree stays as
    /// it is: `actimeo` is an hour, and a program that loads 60 libraries asks three times less. `rsize`, which is how much is
    /// read ahead too, is 256 KiB instead of 1 MiB: a library is touched here and there.
    private static func options(server: String, _ use: Use) -> [MountOption] {
        var options: [MountOption] = [
            .value("ip", server), .value("port", "139"), .value("vers", "1.0"), .value("sec", "none"), .flag("guest"), .flag("noperm"),
            .flag("noacl"), .flag("nomapposix"),
        ]
        options += use == .fixed ? [.value("cache", "loose"), .value("actimeo", "3600")] : [.value("cache", "strict")]
        if use != .writable { options += [.value("rsize", "262144"), .flag("ro")] }
        return options
    }

    /// The disk with this serial number.
    static func disk(serial: String) -> String? {
        for name in Files.names(in: "/sys/block") where (try? Files.readLine("/sys/block/" + name + "/serial")) == serial {
            return "/dev/" + name
        }
        return nil
    }
}
