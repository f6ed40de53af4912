import Glibc

/// The process's arguments as bytes: a file name in them need not be UTF-8.
enum RawArguments {
    /// The last `count` arguments.
    static func last(_ count: Int) -> [[UInt8]] {
        let total = Int(CommandLine.argc)
        return (max(0, total - count)..<total).compactMap { index in
            CommandLine.unsafeArgv[index].map { bytes(of: $0) }
        }
    }

    /// The bytes of options' values, which are text by the time that they are parsed: each is looked up among the arguments, in
    /// order, as a word of its own or after the `=` of a long option.
    static func values(_ texts: [String]) -> [[UInt8]] {
        var rest = last(Int(CommandLine.argc))[...]
        return texts.map { text in
            // What is UTF-8 is what it was.
            guard text.unicodeScalars.contains("\u{FFFD}") else { return Array(text.utf8) }
            while let argument = rest.popFirst() {
                if String(decoding: argument, as: UTF8.self) == text { return argument }
                if argument.starts(with: Array("--".utf8)), let equals = argument.firstIndex(of: UInt8(ascii: "=")) {
                    let value = Array(argument[(equals + 1)...])
                    if String(decoding: value, as: UTF8.self) == text { return value }
                }
            }
            return Array(text.utf8)
        }
    }

    /// The bytes of one option's value.
    static func value(_ text: String) -> [UInt8] { values([text]).first ?? Array(text.utf8) }

    /// This process's environment, `NAME=VALUE` each.
    static func environment() -> [[UInt8]] {
        var variables: [[UInt8]] = []
        var entry = environ
        while let variable = entry.pointee {
            let bytes = bytes(of: variable)
            // What has no name, or no value, is none.
            if let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > 0 { variables.append(bytes) }
            entry += 1
        }
        return variables
    }

    /// The bytes of a C string.
    static func bytes(of string: UnsafePointer<CChar>) -> [UInt8] {
        UnsafeRawBufferPointer(start: string, count: strlen(string)).map { $0 }
    }
}
