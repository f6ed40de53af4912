/// A note of an ELF file (`man 5 elf`, "Notes").
struct ELFNote: Equatable {
    var name: String
    var type: UInt32
}

extension ELFImage {
    /// The notes of a file's segments.
    static func notes(_ bytes: [UInt8]) throws(ELFError) -> [ELFNote] {
        let reader = LittleEndianReader(bytes)
        guard reader.count >= 64, Array(bytes[..<4]) == magic, bytes[4] == 2, bytes[5] == 1 else { throw .notELF }
        var notes: [ELFNote] = []
        for header in try programHeaders(reader) where header.type == ProgramHeader.note {
            var position = header.offset
            // Name, content: each is padded to four bytes, after twelve of sizes and type.
            while header.fileEnd > position, header.fileEnd - position >= 12 {
                let nameSize = UInt64(try reader.uint32(at: position))
                let contentSize = UInt64(try reader.uint32(at: position, 4))
                let type = try reader.uint32(at: position, 8)
                let name = nameSize == 0 ? "" : try reader.string(at: position + 12, end: position + 12 + nameSize)
                notes.append(ELFNote(name: name, type: type))
                position += 12 + (nameSize + 3) / 4 * 4 + (contentSize + 3) / 4 * 4
            }
        }
        return notes
    }
}
