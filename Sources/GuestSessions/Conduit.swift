internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// A command's output on its way to a link, which the kernel moves page by page (`man 2 splice`) instead of copying it in and out.
///
/// It passes through a pipe of the link's own that is empty before it is filled and is emptied whole: the driver of virtio-serial ports
/// (`port_fops_splice_write`) gives the host as many pieces as the pipe has, also when it was asked to take fewer, and the device stops
/// at those that have no content. The command's own pipe may get more at any moment; this one does not.
struct Conduit {
    /// The most that is moved at once, and so the longest frame of ours.
    static let limit = 128 << 10
    /// Less than this is as well copied.
    static let minimum = 16 << 10

    private var pipe: (readEnd: FileDescriptor, writeEnd: FileDescriptor)?
    /// How many bytes are in it.
    private(set) var count = 0
    /// False once a device has refused to take bytes so.
    private(set) var isUsable = true

    /// Moves what `source`, a pipe, has now, at most `limit` bytes; only into an empty conduit. Returns how many; 0 when it cannot be done.
    mutating func fill(from source: FileDescriptor, upTo limit: Int) -> Int {
        guard isUsable, count == 0, let pipe = openPipe() else { return 0 }
        // What cannot be moved can still be read, which also finds out what is wrong with it.
        do throws(Errno) { count = try pipe.writeEnd.splice(from: source, upTo: limit) ?? 0 } catch { count = 0 }
        return count
    }

    /// Moves what it has into `device`; what that does not take stays, and counts.
    mutating func empty(into device: FileDescriptor) throws(Errno) {
        guard let pipe else { return }
        while count > 0, let moved = try device.splice(from: pipe.readEnd, upTo: count) {
            guard moved > 0 else {
                // The device had no place for them all and dropped them; their place in the stream is lost. The next link copies.
                isUsable = false
                throw Errno(EIO)
            }
            count -= moved
        }
    }

    /// Takes out what it has, for a device that will not have it so.
    mutating func takeBack() throws(Errno) -> [UInt8] {
        isUsable = false
        var bytes: [UInt8] = []
        while count > 0, let pipe, let piece = try pipe.readEnd.read(upTo: count), !piece.isEmpty {
            piece.withUnsafeBytes { bytes.append(copying: $0) }
            count -= piece.count
        }
        return bytes
    }

    /// Drops what it has.
    mutating func close() {
        pipe?.readEnd.close()
        pipe?.writeEnd.close()
        (pipe, count) = (nil, 0)
    }

    private mutating func openPipe() -> (readEnd: FileDescriptor, writeEnd: FileDescriptor)? {
        if pipe == nil {
            do throws(Errno) {
                let made = try FileDescriptor.pipe()
                // A piece may be a page with one byte; there are no more of them than the pipe has places.
                made.writeEnd.setPipeCapacity(256 << 10)
                pipe = made
            } catch { isUsable = false }
        }
        return pipe
    }
}
