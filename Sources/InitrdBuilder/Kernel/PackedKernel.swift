/// The kernel that a `bzImage` carries, packed, behind the code that unpacks it.
///
/// Without KVM the guest takes half a second for that; QEMU can enter the unpacked kernel instead, where that has an entry for
/// it (PVH).
///
/// Source: https://docs.kernel.org/arch/x86/boot.html (`payload_offset`, `payload_length`)
struct PackedKernel {
    /// The packed bytes, without the unpacked size that follows them.
    let payload: ArraySlice<UInt8>
    /// How many bytes it has when it is unpacked.
    let size: Int

    /// More than any kernel has.
    private static let maximumSize = 1 << 28
    private static let zstandardMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

    /// Finds it in an image; nil when the file is no `bzImage`, or of an age at which that did not say where it is.
    init?(image bytes: [UInt8]) {
        let reader = LittleEndianReader(bytes)
        guard let magic = try? reader.uint32(at: 0x202), magic == 0x5372_6448, let version = try? reader.uint16(at: 0x206),
            version >= 0x208,
            let sectors = (try? reader.uint16(at: 0x1F1)).map({ $0 & 0xFF }), let offset = try? reader.uint32(at: 0x248),
            let length = try? reader.uint32(at: 0x24C), length > 8
        else { return nil }
        let start = (UInt64(sectors == 0 ? 4 : sectors) + 1) * 512 + UInt64(offset)
        let end = start + UInt64(length) - 4
        // The build adds the size of what was packed.
        guard let size = try? reader.uint32(at: end), size > 0, size <= PackedKernel.maximumSize else { return nil }
        payload = bytes[Int(start)..<Int(end)]
        self.size = Int(size)
    }

    /// Unpacks it; nil when it is packed in a way that is not known here.
    func unpacked() throws(CompressionError) -> [UInt8]? {
        if payload.starts(with: LZ4.legacyMagic) { return try LZ4.decompressLegacy(payload, size: size) }
        guard payload.starts(with: PackedKernel.zstandardMagic) else { return nil }
        return try Zstandard.decompress(Array(payload), limit: PackedKernel.maximumSize)
    }

    /// Whether an unpacked kernel says where QEMU may enter it: the note `XEN_ELFNOTE_PHYS32_ENTRY`.
    static func hasDirectEntry(_ kernel: [UInt8]) -> Bool {
        guard let notes = try? ELFImage.notes(kernel) else { return false }
        return notes.contains { $0.name == "Xen" && $0.type == 18 }
    }
}
