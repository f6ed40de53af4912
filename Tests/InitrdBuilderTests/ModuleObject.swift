@testable import InitrdBuilder

/// A kernel module with nothing but what it says about itself, for trees of a test's own.
struct ModuleObject {
    var entries: [String]

    init(depends: [String] = [], softdep: [String] = [], more: [String] = []) {
        entries = ["license=GPL", "depends=\(depends.joined(separator: ","))"] + softdep.map { "softdep=\($0)" } + more
        entries.append("vermagic=6.1.0-test SMP mod_unload")
    }

    /// Header, contents of `.modinfo`, section names, section table.
    func bytes() -> [UInt8] {
        let information: [UInt8] = entries.flatMap { Array($0.utf8) + [0] }
        let names = Array("\0.modinfo\0.shstrtab\0".utf8)
        let namesOffset = 64 + information.count
        let tableOffset = namesOffset + names.count
        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        file += little(1, 2) + little(62, 2) + little(1, 4) + little(0, 8) + little(0, 8) + little(tableOffset, 8)
        file += little(0, 4) + little(64, 2) + little(0, 2) + little(0, 2) + little(64, 2) + little(3, 2) + little(2, 2)
        file += information + names
        file += section(0, 0, 0) + section(1, 64, information.count) + section(10, namesOffset, names.count)
        return file
    }

    private func section(_ name: Int, _ offset: Int, _ size: Int) -> [UInt8] {
        little(name, 4) + little(1, 4) + little(0, 8) + little(0, 8) + little(offset, 8) + little(size, 8) + little(0, 4) + little(0, 4)
            + little(1, 8) + little(0, 8)
    }

    private func little(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: UInt64(value) >> UInt64(8 * $0)) }
    }
}
