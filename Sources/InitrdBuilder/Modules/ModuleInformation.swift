/// What a kernel module says about itself in its `.modinfo` section: `key=value` strings (`man 8 modinfo`).
struct ModuleInformation: Equatable, Sendable {
    /// The modules that it needs, in the order it names them.
    var depends: [String] = []
    /// The modules that should be loaded before it when they are there (`softdep=pre: …`).
    var softDependencies: [String] = []
    /// The kernel release that it was built for: the first word of `vermagic`.
    var release: String?

    /// Reads the section from a module's bytes, uncompressed.
    init(_ bytes: [UInt8]) throws(ELFError) {
        guard let section = try ModuleInformation.section(".modinfo", in: bytes) else { return }
        for entry in bytes[section].split(separator: 0) {
            let text = String(decoding: entry, as: UTF8.self)
            guard let equals = text.firstIndex(of: "=") else { continue }
            let value = text[text.index(after: equals)...]
            switch text[..<equals] {
            case "depends": depends = value.split(separator: ",").map(String.init)
            case "softdep": softDependencies += SoftDependencies.before(value)
            case "vermagic": release = value.split(separator: " ").first.map(String.init)
            default: continue
            }
        }
    }

    /// Where the section with this name is in an ELF file, or nil.
    private static func section(_ name: String, in bytes: [UInt8]) throws(ELFError) -> Range<Int>? {
        let reader = LittleEndianReader(bytes)
        guard reader.count >= 64, Array(bytes[..<4]) == ELFImage.magic else { throw .notELF }
        guard bytes[4] == 2, bytes[5] == 1 else { throw .unsupported("it is not a 64-bit little-endian file") }
        let table = try reader.uint64(at: 40)
        let size = UInt64(try reader.uint16(at: 58))
        let count = UInt64(try reader.uint16(at: 60))
        let namesIndex = UInt64(try reader.uint16(at: 62))
        guard count > 0, size >= 64 else { return nil }

        func header(_ index: UInt64) throws(ELFError) -> UInt64 {
            let (start, overflow) = table.addingReportingOverflow(index * size)
            guard !overflow else { throw .damaged("section header table") }
            return start
        }
        let names = try reader.uint64(at: try header(namesIndex), 24)
        for index in 0..<count {
            let start = try header(index)
            let (position, overflow) = names.addingReportingOverflow(UInt64(try reader.uint32(at: start)))
            guard !overflow else { throw .damaged("section name") }
            guard try reader.string(at: position, end: UInt64(bytes.count)) == name else { continue }
            let offset = try reader.uint64(at: start, 24)
            let length = try reader.uint64(at: start, 32)
            guard offset <= UInt64(bytes.count), length <= UInt64(bytes.count) - offset else { throw .damaged("section \(name)") }
            return Int(offset)..<Int(offset + length)
        }
        return nil
    }
}
