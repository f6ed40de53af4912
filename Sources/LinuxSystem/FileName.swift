internal import CLinux

/// A path, or a name in a directory, as the kernel takes it: any bytes but zero.
public struct FileName: Hashable, Sendable {
    /// With the zero at the end, as C functions want it.
    let characters: [CChar]

    /// From bytes, which end at the first zero.
    public init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { FileName($0) } }

    /// From bytes, which end at the first zero.
    public init(_ bytes: UnsafeRawBufferPointer) {
        var characters: [CChar] = []
        characters.reserveCapacity(bytes.count + 1)
        for byte in bytes {
            guard byte != 0 else { break }
            characters.append(CChar(bitPattern: byte))
        }
        characters.append(0)
        self.characters = characters
    }

    /// From text.
    public init(_ text: String) { self.init(Array(text.utf8)) }

    /// Without the zero.
    public var bytes: [UInt8] { characters.dropLast().map { UInt8(bitPattern: $0) } }

    /// The path without symbolic links that leads to the same existing file (`man 3 realpath`).
    public func resolved() throws(Errno) -> FileName {
        guard let path = realpath(characters, nil) else { throw .current }
        defer { free(path) }
        return FileName(UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }
}
