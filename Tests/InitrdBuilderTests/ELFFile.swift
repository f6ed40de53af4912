@testable import InitrdBuilder

/// A small ELF file with what the loader looks at, to be found and damaged by tests.
struct ELFFile {
    var machine: UInt16 = 62
    var interpreter: String?
    var needed: [String] = []
    var soname: String?
    var runPath: String?
    var rPath: String?

    private static let base: UInt64 = 0x40_0000

    /// Header, three program headers, dynamic section, strings.
    func bytes() -> [UInt8] {
        var strings: [UInt8] = [0]
        func place(_ text: String) -> UInt64 {
            defer { strings += Array(text.utf8) + [0] }
            return UInt64(strings.count)
        }
        var dynamic: [(UInt64, UInt64)] = needed.map { (1, place($0)) }
        if let soname { dynamic.append((14, place(soname))) }
        if let rPath { dynamic.append((15, place(rPath))) }
        if let runPath { dynamic.append((29, place(runPath))) }
        let interpreterPlace = interpreter.map(place)
        let dynamicOffset = UInt64(64 + 3 * 56)
        let stringsOffset = dynamicOffset + UInt64(16 * (dynamic.count + 2))
        dynamic += [(5, ELFFile.base + stringsOffset), (0, 0)]
        let end = stringsOffset + UInt64(strings.count)

        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        file += little(3, 2) + little(UInt64(machine), 2) + little(1, 4) + little(0, 8) + little(64, 8) + little(0, 8)
        file += little(0, 4) + little(64, 2) + little(56, 2) + little(3, 2) + little(64, 2) + little(0, 2) + little(0, 2)
        file += header(1, offset: 0, size: end)
        let interpreterOffset = stringsOffset + (interpreterPlace ?? 0)
        file += header(interpreterPlace == nil ? 0 : 3, offset: interpreterOffset, size: end - interpreterOffset)
        file += header(2, offset: dynamicOffset, size: UInt64(16 * dynamic.count))
        for (tag, value) in dynamic { file += little(tag, 8) + little(value, 8) }
        return file + strings
    }

    private func header(_ type: UInt64, offset: UInt64, size: UInt64) -> [UInt8] {
        little(type, 4) + little(5, 4) + little(offset, 8) + little(ELFFile.base + offset, 8) + little(0, 8) + little(size, 8)
            + little(size, 8) + little(4096, 8)
    }

    private func little(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
}
