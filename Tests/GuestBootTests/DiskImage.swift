import HostTools
import LinuxSystem

@testable import GuestBoot

/// An image file of a test's own, in place of a disk.
struct DiskImage {
    let directory: TemporaryDirectory
    let path: String
    static let size = 8 << 20

    /// `size` zero bytes.
    init(size: Int = DiskImage.size) throws {
        directory = try TemporaryDirectory()
        path = "\(directory.path)/disk"
        try Tool.run("truncate", "-s", "\(size)", path)
    }

    /// Puts `bytes` into the image at `offset`, counted from its end when negative.
    func write(_ bytes: [UInt8], at offset: Int) throws {
        let size = try Int(Tool.run("stat", "-c", "%s", path).lines[0]) ?? 0
        let place = offset < 0 ? size + offset : offset
        try Tool.run("dd", "of=\(path)", "bs=1", "seek=\(place)", "conv=notrunc", "status=none", input: bytes)
    }

    func content(vouchedBy entry: String = "/nonexistent") throws(StepFailure) -> DiskContent {
        try DiskProbe.content(of: path, vouchedBy: entry) { _ in }
    }

    func checksum() throws -> String { try Tool.run("sha256sum", path).lines[0] }
}
