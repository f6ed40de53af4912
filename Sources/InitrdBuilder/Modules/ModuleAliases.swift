/// Other names of modules (`modules.alias`), as soft dependencies use them: `crc32c` for `crc32c_generic`. Patterns, which
/// are for devices, are passed over.
enum ModuleAliases {
    /// The modules whose alias is exactly `name`; none when `directory` has no `modules.alias`.
    static func modules(for name: String, in directory: String) -> [ModuleName] {
        guard let bytes = try? HostFile.read("\(directory)/modules.alias") else { return [] }
        let wanted = ModuleName(name)
        var modules: [ModuleName] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
            guard words.count == 3, words[1].count == name.utf8.count else { continue }
            if ModuleName(String(decoding: words[1], as: UTF8.self)) == wanted {
                modules.append(ModuleName(String(decoding: words[2], as: UTF8.self)))
            }
        }
        return modules
    }
}
