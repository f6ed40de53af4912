internal import CBlkid
internal import LinuxSystem

/// What libblkid recognises on a disk. Its results "ambivalent" and "error" count as something.
struct DiskSignature {
    let content: DiskContent
    /// What it is and where, for people.
    let text: String
    private(set) var uuid: String?
    private(set) var hasPartitions = false

    /// The disk's signature; nil when libblkid is sure that there is none.
    static func found(on device: String) throws(StepFailure) -> DiskSignature? {
        guard let probe = blkid_new_probe_from_filename(device) else {
            throw StepFailure("cannot read " + device + ": " + Errno.current.description + "; the disk is not touched")
        }
        defer { blkid_free_probe(probe) }
        blkid_probe_enable_superblocks(probe, 1)
        let wanted = BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL
        blkid_probe_set_superblocks_flags(probe, CInt(wanted | BLKID_SUBLKS_BADCSUM | BLKID_SUBLKS_MAGIC))
        blkid_probe_enable_partitions(probe, 1)
        blkid_probe_set_partitions_flags(probe, CInt(BLKID_PARTS_MAGIC))
        switch blkid_do_safeprobe(probe) {
        case 1: return nil
        case 0: return DiskSignature(probe)
        case -2: return DiskSignature(severalOn: probe)
        default: throw StepFailure("libblkid could not probe " + device + ": " + Errno.current.description + "; the disk is not touched")
        }
    }

    private init(_ probe: blkid_probe) {
        text = DiskSignature.text(probe)
        guard let type = DiskSignature.value("TYPE", probe), DiskSignature.value("SBBADCSUM", probe) == nil,
            DiskSignature.value("USAGE", probe) == "filesystem"
        else {
            content = .occupied(text)
            return
        }
        content = .filesystem(type)
        uuid = DiskSignature.value("UUID", probe)
        hasPartitions = DiskSignature.value("PTTYPE", probe) != nil
    }

    /// The probe is begun again, and asked for one after the other.
    private init(severalOn probe: blkid_probe) {
        var all = "signatures of several kinds at once: "
        blkid_reset_probe(probe)
        for index in 0..<8 {
            guard blkid_do_probe(probe) == 0 else { break }
            all += (index == 0 ? "" : ", ") + DiskSignature.text(probe)
        }
        text = all
        content = .occupied(all)
    }

    /// `swap (signature at byte 4086)`.
    private static func text(_ probe: blkid_probe) -> String {
        var text: String
        var place = value("SBMAGIC_OFFSET", probe)
        if let type = value("TYPE", probe) {
            text = type
            if let label = value("LABEL", probe) { text += " \"" + label + "\"" }
            if value("SBBADCSUM", probe) != nil { text += " with a wrong checksum" }
        } else {
            text = "a partition table, " + (value("PTTYPE", probe) ?? "of unknown type")
            place = value("PTMAGIC_OFFSET", probe)
        }
        if let place { text += " (signature at byte " + place + ")" }
        return text
    }

    private static func value(_ name: String, _ probe: blkid_probe) -> String? {
        var value: UnsafePointer<CChar>?
        guard blkid_probe_lookup_value(probe, name, &value, nil) == 0, let value else { return nil }
        return String(cString: value)
    }
}
