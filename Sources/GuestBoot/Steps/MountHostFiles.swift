internal import CLinux
internal import LinuxSystem

/// Mounts the host's share on `/hostfs`, and further shares of the same server below it.
///
/// SMB1 with UNIX extensions, because SMB3 follows or loses the store's symlinks. `noperm` leaves permission to the
/// server, which sees one user only; `noacl` asks for no ACLs. `cache=loose` lets pages and attributes live as long as
/// the share is read-only, which it is: `actimeo` is an hour, since what has a name in a store never changes, and a program
/// that loads 60 libraries asks three times less. `rsize`, which is how much is read ahead too, is 256 KiB instead of
/// 1 MiB: a library is touched here and there.
enum MountHostFiles {
    /// How long the server may take to answer: one that takes half a minute is slow, one that takes a minute is not there.
    static let patience = 60
    /// An attempt that fails sooner than this, in microseconds, has not failed for want of an answer.
    private static let silence: UInt64 = 10_000_000

    static func run(
        share: String, others: [MountedShare], root: String, progress: (String) -> Void
    ) throws(StepFailure) -> StepResult {
        let hostfs = root + "/hostfs"
        let server = try server(of: share)
        try mount(share, server: server, on: hostfs, progress)
        var names = share
        for other in others {
            let source = "//" + server + "/" + other.name
            try mount(source, server: server, on: hostfs + other.directory, progress)
            names += ", " + source
        }
        return keepsSymlinks(hostfs)
            ? .done(names) : .warning(names + ": the server has no UNIX extensions, so symlinks and modes are lost")
    }

    private static func mount(
        _ source: String, server: String, on target: String, _ progress: (String) -> Void
    ) throws(StepFailure) {
        if Mount.isMountPoint(target) { return }
        do throws(Errno) {
            // Below an earlier share the directory is the host's: it is there or it cannot be made.
            if !Files.isDirectory(target) { try Files.makeDirectory(target) }
        } catch {
            throw StepFailure(
                "cannot make " + target + " to mount " + source + " on: " + error.description
                    + "; the share that it is in must have the directory")
        }
        let options: [MountOption] = [
            .value("ip", server), .value("port", "139"), .value("vers", "1.0"), .value("sec", "none"), .flag("guest"), .flag("noperm"),
            .flag("noacl"), .flag("nomapposix"), .value("cache", "loose"), .value("actimeo", "3600"), .value("rsize", "262144"),
            .flag("ro"),
        ]
        let log = KernelLogReader()
        defer { log?.close() }
        let failure = InChild.run(seconds: patience) { seconds in
            progress("waiting for the server of " + source + ": \(seconds) s")
        } _: {
            // A server that is silent for 20 s is given up by the kernel; at its next connection it may have woken.
            while true {
                let start = Uptime.microseconds
                do throws(MountError) {
                    try Mount.filesystem("cifs", source: source, on: target, options: options, attributes: .readOnly)
                    return nil
                } catch {
                    guard error.errno == Errno(EHOSTDOWN), Uptime.microseconds - start > silence else { return error.text }
                }
            }
        }
        guard let failure else { return }
        // What was given up has not told the kernel's words itself.
        let isTold = failure.hasPrefix("cannot ")
        let words = isTold ? "" : "cannot mount " + source + " on " + target + " (cifs): "
        let kernel = isTold ? "" : (log?.newMessages() ?? []).map { "; " + $0 }.joined()
        throw StepFailure(
            words + failure + kernel
                + ". Is the host's smbd running, with this share and \"server min protocol = NT1\", and cifs.ko in the initrd?")
    }

    /// `10.0.2.4` of `//10.0.2.4/qemu`.
    static func server(of share: String) throws(StepFailure) -> String {
        let parts = share.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].isEmpty, parts[1].isEmpty, !parts[2].isEmpty, !parts[3].isEmpty else {
            throw StepFailure("vm.hostfs=\(share): must be //SERVER/SHARE, or none")
        }
        return String(parts[2])
    }

    /// The kernel shows `unix` among the mount's options where the server has the extensions, `nounix` where not.
    private static func keepsSymlinks(_ target: String) -> Bool {
        guard let mounts = try? Files.read("/proc/self/mounts") else { return true }
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[1] == target else { continue }
            return !fields[3].split(separator: ",").contains("nounix")
        }
        return true
    }
}
