internal import CLinux
internal import LinuxSystem

/// What a disk was found to hold.
public enum DiskContent: Equatable, Sendable {
    /// No signature that libblkid knows, and nothing but zeros.
    case empty
    /// The agent's own new filesystem, or one that was there: its type as libblkid and the kernel name it.
    case filesystem(String)
    /// Something that is not to be touched; the text says what.
    case occupied(String)
}

/// Finds out what a disk holds. Whatever cannot be proved counts as occupied: a disk is formatted only when all of it was
/// read without an error and found to be zero, or the host vouches for that.
enum DiskProbe {
    static func content(
        of device: String, serial: String? = nil, vouchedBy entry: String = BlankDisk.entry, progress: (String) -> Void
    ) throws(StepFailure) -> DiskContent {
        if let known = try DiskSignature.found(on: device) { return known.content }
        if BlankDisk.isVouchedFor(device, serial: serial, by: entry) { return .empty }
        guard let offset = try firstNonZeroByte(of: device, ignoringLast: 0, progress: progress) else { return .empty }
        return .occupied("no known signature, but data at byte \(offset)")
    }

    /// Whether nobody can have stored anything on `device` since its format with this mark began: it is zero but for the mark, or
    /// what libblkid finds on it is that very filesystem and nothing else, and it was never mounted.
    static func isUnused(_ device: String, since mark: FormatMark, progress: (String) -> Void) throws(StepFailure) -> Bool {
        guard let known = try DiskSignature.found(on: device) else {
            return try firstNonZeroByte(of: device, ignoringLast: FormatMark.length, progress: progress) == nil
        }
        guard case .filesystem(let type) = known.content, ["ext2", "ext3", "ext4"].contains(type) else { return false }
        guard !known.hasPartitions, known.uuid == mark.uuidText else { return false }
        do throws(Errno) {
            return try ExtSuperblock(of: device).wasNeverMounted
        } catch {
            throw StepFailure("cannot read the superblock of \(device): \(error.description); the disk is not touched")
        }
    }

    /// What there is to lose on `device`, for people; nil when it is proved empty. What cannot be read is something.
    static func loss(on device: String, progress: (String) -> Void) -> String? {
        do throws(StepFailure) {
            if let known = try DiskSignature.found(on: device) { return known.text }
            if case .occupied(let what) = try content(of: device, progress: progress) { return what }
            return nil
        } catch {
            return "what cannot be read (" + error.text + ")"
        }
    }

    /// The place of the first byte that is not zero, in the whole device but for so many bytes at its end; nil when there is none.
    private static func firstNonZeroByte(
        of device: String, ignoringLast ignored: Int, progress: (String) -> Void
    ) throws(StepFailure) -> UInt64? {
        do throws(Errno) {
            let file = try FileDescriptor.open(device, .read)
            defer { file.close() }
            let size = lseek(file.rawValue, 0, SEEK_END)
            guard size >= 0, lseek(file.rawValue, 0, SEEK_SET) == 0 else { throw .current }
            var offset: UInt64 = 0
            var reported = Uptime.microseconds
            var chunk = [UInt64](repeating: 0, count: 1 << 17)
            while true {
                let count: Result<Int, Errno> = chunk.withUnsafeMutableBytes { bytes in
                    do throws(Errno) { return .success(try file.read(into: bytes) ?? 0) } catch { return .failure(error) }
                }
                let got = try count.get()
                // A device that ends early is not one of which everything was read.
                if got == 0 {
                    guard offset == UInt64(size) else { throw Errno(EIO) }
                    return nil
                }
                let wanted = Int(min(Int64(got), Int64(size) - Int64(offset) - Int64(ignored)))
                if wanted > 0, let place = firstNonZero(chunk, wanted) { return offset + UInt64(place) }
                offset += UInt64(got)
                if Uptime.microseconds - reported > 1_000_000 {
                    reported = Uptime.microseconds
                    progress("reading \(device) to prove it empty: \(offset >> 20) MiB of \(size >> 20) MiB")
                }
            }
        } catch {
            throw StepFailure("cannot read all of \(device), so it is not proved empty: \(error.description); the disk is not touched")
        }
    }

    private static func firstNonZero(_ words: [UInt64], _ byteCount: Int) -> Int? {
        words.withUnsafeBytes { bytes in
            let whole = byteCount / 8
            var index = 0
            while index < whole {
                // Eight words at a time: the compiler makes vectors of it.
                let end = min(index + 64, whole)
                var all: UInt64 = 0
                for word in index..<end { all |= words[word] }
                if all != 0 { return bytes[(index * 8)..<(end * 8)].firstIndex { $0 != 0 } }
                index = end
            }
            return bytes[(whole * 8)..<byteCount].firstIndex { $0 != 0 }
        }
    }
}
