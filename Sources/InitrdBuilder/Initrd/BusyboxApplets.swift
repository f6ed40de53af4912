import Glibc

/// The names that a busybox answers to, found in the program itself: the agent makes a link for each, which is much faster
/// than to run `busybox --install` in an emulated guest.
enum BusyboxApplets {
    /// The names in their order; nil when the program has no list that can be told for one.
    ///
    /// The list is one block of sorted strings, each ended by a zero byte (busybox, `include/applet_tables.h`). It begins
    /// with `[`, or, in a busybox without `test`, cannot be found.
    static func names(in program: [UInt8]) -> [String]? {
        guard let start = place(of: Array("[\0[[\0".utf8), in: program) else { return nil }
        var names: [String] = []
        for bytes in program[start...].split(separator: 0, maxSplits: 1000, omittingEmptySubsequences: false) {
            let name = String(decoding: bytes, as: UTF8.self)
            guard isName(bytes), names.last.map({ $0.utf8.lexicographicallyPrecedes(name.utf8) }) ?? true else { break }
            names.append(name)
        }
        // A list without a shell is another list.
        return names.contains("sh") ? names : nil
    }

    /// Where `pattern` begins first. By the C library, because the program has two million bytes.
    private static func place(of pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let first = pattern.first else { return nil }
            var offset = 0
            while offset + pattern.count <= buffer.count, let found = memchr(base + offset, CInt(first), buffer.count - offset) {
                offset = UnsafeRawPointer(found) - base
                guard offset + pattern.count <= buffer.count else { return nil }
                if memcmp(base + offset, pattern, pattern.count) == 0 { return offset }
                offset += 1
            }
            return nil
        }
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        (1...32).contains(bytes.count)
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "[_-.".utf8.contains(byte)
                }
            }
    }
}
