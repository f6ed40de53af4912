internal import CLinux
internal import LinuxSystem

/// Mends an ext2, ext3 or ext4 before it is mounted, with e2fsck, where the kernel's replay of the journal is not enough.
enum FilesystemCheck {
    static let e2fsck = "/sbin/e2fsck"
    /// Many terabytes are not checked sooner; what hangs ends all the same.
    private static let secondsLimit = 4 * 3600

    /// Why a filesystem must be checked before it is mounted; nil when it need not be.
    static func reason(_ superblock: ExtSuperblock) -> String? {
        if superblock.hasErrors { return "errors were met in it before" }
        return superblock.isMarkedClean ? nil : "it was not unmounted"
    }

    /// Runs e2fsck, which mends what can be mended without a loss (`man 8 e2fsck`, `-p`).
    ///
    /// - Returns: what it has mended; empty when it does not say more than that it has.
    static func run(
        _ device: String, _ type: String, because reason: String, progress: (String) -> Void
    ) throws(StepFailure) -> String {
        let name = device + " (" + type + ")"
        progress("checking " + name + ": " + reason)
        var program = Program(e2fsck, ["-p", "-f", "-C", "1", device])
        program.environment = [Array("PATH=/sbin:/bin".utf8)]
        var reported = Uptime.microseconds
        let outcome = RunProgram.run(program, seconds: secondsLimit) { output in
            guard let place = takeProgress(from: &output), Uptime.microseconds - reported > 1_000_000 else { return }
            reported = Uptime.microseconds
            progress("checking " + name + ": " + place)
        }
        let words = words(of: outcome.output)
        switch outcome.end {
        case .exited(0)?: return ""
        // 1: mended; 2: the machine should restart, which is for filesystems that are mounted.
        case .exited(1)?, .exited(2)?, .exited(3)?: return words
        default: break
        }
        let end = e2fsck + " -p: " + outcome.ending + (words.isEmpty ? "" : ": " + words)
        throw StepFailure(name + " is not mounted: " + reason + "; " + end + wayOut(device))
    }

    /// What a person can do where the agent does nothing more.
    static func wayOut(_ device: String) -> String {
        ". Enter the guest and run \"" + e2fsck + " -f -y " + device
            + "\", which may lose what it cannot mend (copy the disk before), or use another disk"
    }

    /// Takes e2fsck's progress out of its output, a line each time (`-C`): pass, how far, of how much, device. Gives the last as text.
    static func takeProgress(from output: inout [UInt8]) -> String? {
        var kept: [UInt8] = []
        var place: String?
        var rest = output[...]
        while let end = rest.firstIndex(of: newline) {
            if let (pass, done, all) = numbers(rest[..<end]) {
                place = "pass \(pass) of 5, \(done * 100 / max(all, 1)) %"
            } else {
                kept.append(contentsOf: rest[...end])
            }
            rest = rest[(end + 1)...]
        }
        kept.append(contentsOf: rest)
        output = kept
        return place
    }

    /// The last of what e2fsck said, on one line, without its count of files at the end. Empty when it had nothing to say of errors.
    static func words(of output: [UInt8]) -> String {
        var words = ""
        for line in output.split(separator: newline).suffix(9) {
            let text = line.drop { $0 == 0x20 || $0 == 0x09 }
            if text.isEmpty || text.suffix(7).elementsEqual(" blocks".utf8) { continue }
            words += (words.isEmpty ? "" : "; ") + String(decoding: text, as: UTF8.self)
        }
        return words
    }

    private static let newline = UInt8(ascii: "\n")

    private static func numbers(_ line: ArraySlice<UInt8>) -> (pass: UInt64, done: UInt64, all: UInt64)? {
        var numbers: [UInt64] = []
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count == 4 else { return nil }
        for word in words.prefix(3) {
            guard word.count < 16, word.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
            numbers.append(word.reduce(0) { $0 * 10 + UInt64($1 - 48) })
        }
        return (numbers[0], numbers[1], numbers[2])
    }
}
