/// The process's arguments as bytes: a file name in them need not be UTF-8.
enum RawArguments {
    /// The last `count` arguments.
    static func last(_ count: Int) -> [[UInt8]] {
        let total = Int(CommandLine.argc)
        return (max(0, total - count)..<total).compactMap { index in
            guard let argument = CommandLine.unsafeArgv[index] else { return nil }
            var bytes: [UInt8] = []
            var place = argument
            while place.pointee != 0 {
                bytes.append(UInt8(bitPattern: place.pointee))
                place += 1
            }
            return bytes
        }
    }

    /// The arguments that were parsed as `texts`, which are in their order: a name that is not UTF-8 was parsed as another.
    static func matching(_ texts: [String]) -> [[UInt8]] {
        var rest = last(Int(CommandLine.argc))[...]
        return texts.map { text in
            guard let index = rest.firstIndex(where: { String(decoding: $0, as: UTF8.self) == text }) else { return Array(text.utf8) }
            defer { rest = rest[(index + 1)...] }
            return rest[index]
        }
    }
}
