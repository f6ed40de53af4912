/// What the loader needs to know about an ELF file: 64-bit, little-endian, for x86-64 or AArch64 (`man 5 elf`).
///
/// Every offset in the file is checked before use: a damaged file gives an `ELFError`, never a trap.
struct ELFImage: Equatable, Sendable {
    /// What the file is made for.
    enum Machine: UInt16, Sendable {
        case x86_64 = 62
        case aarch64 = 183
    }

    var machine: Machine
    /// The program interpreter (`PT_INTERP`), or nil for a static program or a library.
    var interpreter: String?
    /// The libraries that it names (`DT_NEEDED`), in order.
    var needed: [String] = []
    /// Where to look for them: `DT_RUNPATH`, else empty.
    var runPath: [String] = []
    /// The older `DT_RPATH`, which also counts for the libraries' own libraries; empty when there is a `DT_RUNPATH`.
    var rPath: [String] = []
    /// The name under which the loader knows it (`DT_SONAME`).
    var soname: String?

    static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]

    /// Reads the headers in `bytes`, a whole file.
    init(_ bytes: [UInt8]) throws(ELFError) {
        let reader = LittleEndianReader(bytes)
        machine = try ELFImage.machine(reader)
        let headers = try ELFImage.programHeaders(reader)
        for header in headers where header.type == ProgramHeader.interpreter {
            interpreter = try reader.string(at: header.offset, end: header.fileEnd)
        }
        guard let dynamic = headers.first(where: { $0.type == ProgramHeader.dynamic }) else { return }
        try readDynamic(dynamic, reader, headers)
    }

    private static func machine(_ reader: LittleEndianReader) throws(ELFError) -> Machine {
        guard reader.count >= 64, Array(reader.bytes[..<4]) == magic else { throw .notELF }
        guard reader.bytes[4] == 2 else { throw .unsupported("it is not a 64-bit file") }
        guard reader.bytes[5] == 1 else { throw .unsupported("it is not little-endian") }
        let number = try reader.uint16(at: 18)
        guard let machine = Machine(rawValue: number) else { throw .unsupported("its machine \(number) is neither x86-64 nor AArch64") }
        return machine
    }

    struct ProgramHeader {
        static let load: UInt32 = 1
        static let dynamic: UInt32 = 2
        static let interpreter: UInt32 = 3
        static let note: UInt32 = 4

        var type: UInt32
        var offset: UInt64
        var address: UInt64
        var fileEnd: UInt64
        var fileSize: UInt64
    }

    static func programHeaders(_ reader: LittleEndianReader) throws(ELFError) -> [ProgramHeader] {
        let table = try reader.uint64(at: 32)
        let size = UInt64(try reader.uint16(at: 54))
        let count = UInt64(try reader.uint16(at: 56))
        guard count == 0 || size >= 56 else { throw .damaged("program header size") }
        var headers: [ProgramHeader] = []
        for index in 0..<count {
            let (start, overflow) = table.addingReportingOverflow(index * size)
            guard !overflow else { throw .damaged("program header table") }
            let offset = try reader.uint64(at: start, 8)
            let fileSize = try reader.uint64(at: start, 32)
            let (end, wraps) = offset.addingReportingOverflow(fileSize)
            guard !wraps else { throw .damaged("program header \(index)") }
            headers.append(
                ProgramHeader(
                    type: try reader.uint32(at: start), offset: offset, address: try reader.uint64(at: start, 16), fileEnd: end,
                    fileSize: fileSize))
        }
        return headers
    }

    /// The dynamic section gives addresses; the strings are in the file where a loaded segment maps the address.
    private mutating func readDynamic(
        _ dynamic: ProgramHeader, _ reader: LittleEndianReader, _ headers: [ProgramHeader]
    ) throws(ELFError) {
        var entries: [(tag: UInt64, value: UInt64)] = []
        var position = dynamic.offset
        while position < dynamic.fileEnd {
            let tag = try reader.uint64(at: position)
            if tag == 0 { break }
            entries.append((tag, try reader.uint64(at: position, 8)))
            position += 16
        }
        func value(_ tag: UInt64) -> UInt64? { entries.first { $0.tag == tag }?.value }

        guard let address = value(5) else { return }
        let segment = headers.first { header in
            header.type == ProgramHeader.load && address >= header.address && address - header.address < header.fileSize
        }
        guard let segment else { throw .damaged("string table address") }
        let table = segment.offset + (address - segment.address)
        func string(_ offset: UInt64) throws(ELFError) -> String {
            let (start, overflow) = table.addingReportingOverflow(offset)
            guard !overflow else { throw .damaged("string offset") }
            return try reader.string(at: start, end: segment.fileEnd)
        }
        func directories(_ tag: UInt64) throws(ELFError) -> [String] {
            guard let offset = value(tag) else { return [] }
            return try string(offset).split(separator: ":").map(String.init)
        }
        for entry in entries where entry.tag == 1 { needed.append(try string(entry.value)) }
        if let offset = value(14) { soname = try string(offset) }
        runPath = try directories(29)
        rPath = runPath.isEmpty ? try directories(15) : []
    }
}
