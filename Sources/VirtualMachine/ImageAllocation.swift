import Foundation
import Glibc

/// Where an image holds data: what `qemu-img map --output=json` says of it.
struct ImageAllocation: Equatable {
    /// One stretch of the guest's disk.
    struct Extent: Decodable, Equatable {
        /// In bytes.
        var start: Int
        /// In bytes.
        var length: Int
        /// Which file of a chain it comes from; 0 is the image itself.
        var depth: Int
        /// It reads as zero.
        var zero: Bool
        /// It is stored somewhere.
        var data: Bool
    }

    var extents: [Extent]

    /// Whether this proves that every byte of the guest's disk is zero: the stretches cover it from its first byte to its last, and
    /// each is stored nowhere and reads as zero, or is zero where it is stored, as `isZero` finds out.
    func provesZero(size: Int, isZero: (Extent) -> Bool) -> Bool {
        var end = 0
        for extent in extents {
            guard extent.start == end, extent.length > 0, extent.depth == 0 else { return false }
            guard extent.zero && !extent.data || isZero(extent) else { return false }
            end += extent.length
        }
        return end == size && size > 0
    }

    /// More than this is taken up by no blank image that is worth asking about, and the map of a full one is long.
    private static let blankLimit = 1 << 20

    /// Whether the image at `path`, which must read no other file, is known to hold nothing but zeros. False where that is not
    /// sure: the guest then reads the whole disk.
    static func isBlank(_ path: String, _ format: DiskFormat, _ status: stat, size: Int, tool: ImageTool) async -> Bool {
        guard status.st_size > 0, Int(status.st_blocks) * 512 <= blankLimit else { return false }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        // The host's filesystem must have stored what it still holds in memory: some have told of holes where such data was.
        guard fsync(file) == 0, let answer = try? await tool.run(["map", "--output=json", "-f", format.rawValue, path]), answer.isSuccess,
            let extents = try? JSONDecoder().decode([Extent].self, from: Data(answer.output.utf8))
        else { return false }
        // qemu-img stores the first block of each raw image that it makes.
        return ImageAllocation(extents: extents).provesZero(size: size) { format == .raw && isZero(file, $0) }
    }

    /// Whether a stretch of a raw image is zero where it is stored.
    private static func isZero(_ file: CInt, _ extent: Extent) -> Bool {
        guard extent.length <= blankLimit else { return false }
        var bytes = [UInt8](repeating: 1, count: extent.length)
        return pread(file, &bytes, bytes.count, off_t(extent.start)) == bytes.count && bytes.allSatisfy { $0 == 0 }
    }
}
