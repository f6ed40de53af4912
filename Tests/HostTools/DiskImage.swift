/// An image file of a test's own, in place of a disk.
package struct DiskImage {
    package let directory: TemporaryDirectory
    package let path: String
    package static let size = 8 << 20

    /// `size` zero bytes.
    package init(size: Int = DiskImage.size) throws {
        directory = try TemporaryDirectory()
        path = "\(directory.path)/disk"
        try Tool.run("truncate", "-s", "\(size)", path)
    }

    /// Puts `bytes` into the image at `offset`, counted from its end when negative.
    package func write(_ bytes: [UInt8], at offset: Int) throws {
        let size = try Int(Tool.run("stat", "-c", "%s", path).lines[0]) ?? 0
        let place = offset < 0 ? size + offset : offset
        try Tool.run("dd", "of=\(path)", "bs=1", "seek=\(place)", "conv=notrunc", "status=none", input: bytes)
    }

    package func checksum() throws -> String { try Tool.run("sha256sum", path).lines[0] }
}
