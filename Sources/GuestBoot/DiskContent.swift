internal import CBlkid
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
    /// The fw_cfg entry in which the host gives the serial number of a disk that it has just made: all zero, in this boot.
    /// The number is made for this boot, too: under the same name another disk may be found.
    static let vouchedEntry = "/sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent/blank-disk/raw"

    static func content(
        of device: String, serial: String? = nil, vouchedBy entry: String = vouchedEntry, progress: (String) -> Void
    ) throws(StepFailure) -> DiskContent {
        if let known = try signature(of: device) { return known.content }
        if let vouched = try? Files.readLine(entry), !vouched.isEmpty, vouched == (serial ?? serialNumber(of: device)) { return .empty }
        guard let offset = try firstNonZeroByte(of: device, ignoringLast: 0, progress: progress) else { return .empty }
        return .occupied("no known signature, but data at byte \(offset)")
    }

    /// Whether nobody can have stored anything on `device` since its format with this mark began: it is zero but for the mark, or
    /// what libblkid finds on it is that very filesystem and nothing else, and it was never mounted.
    static func isUnused(_ device: String, since mark: FormatMark, progress: (String) -> Void) throws(StepFailure) -> Bool {
        guard let known = try signature(of: device) else {
            return try firstNonZeroByte(of: device, ignoringLast: FormatMark.length, progress: progress) == nil
        }
        guard case .filesystem(let type) = known.content, ["ext2", "ext3", "ext4"].contains(type) else { return false }
        guard !known.hasPartitions, known.uuid == mark.uuidText else { return false }
        do throws(Errno) {
            return try FormatMark.isNeverMounted(device)
        } catch {
            throw StepFailure("cannot read the superblock of \(device): \(error.description); the disk is not touched")
        }
    }

    private static func serialNumber(of device: String) -> String? {
        guard let name = device.split(separator: "/").last else { return nil }
        return try? Files.readLine("/sys/block/\(name)/serial")
    }

    /// What libblkid recognises, with the results "ambivalent" and "error" counted as something; nil for nothing.
    private static func signature(of device: String) throws(StepFailure) -> Signature? {
        guard let probe = blkid_new_probe_from_filename(device) else {
            throw StepFailure("cannot read \(device): \(Errno.current.description); the disk is not touched")
        }
        defer { blkid_free_probe(probe) }
        blkid_probe_enable_superblocks(probe, 1)
        blkid_probe_set_superblocks_flags(
            probe, CInt(BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_UUID | BLKID_SUBLKS_BADCSUM))
        blkid_probe_enable_partitions(probe, 1)
        switch blkid_do_safeprobe(probe) {
        case 1: return nil
        case 0: break
        case -2: return Signature(.occupied("signatures of several filesystems at once"))
        default: throw StepFailure("libblkid could not probe \(device): \(Errno.current.description); the disk is not touched")
        }
        if value("SBBADCSUM", probe) != nil {
            return Signature(.occupied("a \(value("TYPE", probe) ?? "filesystem") with a wrong checksum"))
        }
        guard let type = value("TYPE", probe) else {
            return Signature(.occupied("a partition table (\(value("PTTYPE", probe) ?? "of unknown type"))"))
        }
        var signature = Signature(value("USAGE", probe) == "filesystem" ? .filesystem(type) : .occupied(type))
        signature.uuid = value("UUID", probe)
        signature.hasPartitions = value("PTTYPE", probe) != nil
        return signature
    }

    private struct Signature {
        let content: DiskContent
        var uuid: String?
        var hasPartitions = false

        init(_ content: DiskContent) { self.content = content }
    }

    private static func value(_ name: String, _ probe: blkid_probe) -> String? {
        var value: UnsafePointer<CChar>?
        guard blkid_probe_lookup_value(probe, name, &value, nil) == 0, let value else { return nil }
        return String(cString: value)
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
