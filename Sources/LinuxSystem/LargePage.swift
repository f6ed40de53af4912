internal import CLinux

/// A large page of memory that is a part of a tmpfs's file: what is written to it is in the file, without the kernel, which for a file that
/// is written page by page does some 150 calls of functions for each.
///
/// It goes out of this process's sight when the last reference does, and stays in the file.
public final class LargePage {
    /// How many bytes it holds.
    public static let size: Int64 = 2 << 20

    /// Where it is in the file, a multiple of its size.
    public let offset: Int64
    private let start: UnsafeMutableRawPointer

    /// Makes one of zeros at `offset` of a file that reaches beyond it; nil where none is to be had. Where somebody makes the file shorter
    /// meanwhile, or the page cannot be read back from swap, the next write is the end of this process (SIGBUS).
    ///
    /// - Parameter file: open to read and write, and borrowed until this returns.
    public init?(of file: FileDescriptor, at offset: Int64) {
        guard let start = linux_map_large_page(file.rawValue, offset, Int(LargePage.size)) else { return nil }
        self.start = start
        self.offset = offset
    }

    deinit { linux_unmap(start, Int(LargePage.size)) }

    /// The first offset behind it.
    public var end: Int64 { offset + LargePage.size }

    /// Puts `bytes` at `position` of the file; all of it is to be on this page.
    public func write(_ bytes: UnsafeRawBufferPointer, at position: Int64) {
        precondition(position >= offset && position + Int64(bytes.count) <= end)
        UnsafeMutableRawBufferPointer(start: start + Int(position - offset), count: bytes.count).copyMemory(from: bytes)
    }
}
