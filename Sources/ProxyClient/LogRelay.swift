import CLinux
import ControlProtocol
import Foundation
public import LinuxSystem
import Synchronization

/// Tells a guest's proxy what the guest's console prints, from a thread of its own: whoever reads the console never waits for
/// the proxy, and a proxy that takes the place of another one is told again what was printed before.
public final class LogRelay: Sendable {
    /// Bytes of the console that are kept for a proxy that is slow, or has not begun.
    private static let capacity = 1 << 20

    private struct State {
        var lines = LineRing(capacity: LogRelay.capacity)
        var place = 0
        var output: LineOutput?
        var isFinishing = false
    }

    private let state = Mutex(State())
    private let wake: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    private let done: (readEnd: FileDescriptor, writeEnd: FileDescriptor)

    /// Begins; `finish` must be called to end its thread.
    public init() throws(Errno) {
        wake = try FileDescriptor.pipe()
        done = try FileDescriptor.pipe()
        try wake.readEnd.setNonBlocking()
        try wake.writeEnd.setNonBlocking()
        Thread.detachNewThread { self.run() }
    }

    deinit { for descriptor in [wake.readEnd, wake.writeEnd, done.readEnd] { descriptor.close() } }

    /// Adds a line that the console printed, without control characters.
    public func add(_ line: String) {
        // Where a guest's bytes were no UTF-8, the text has grown.
        let text = String(decoding: line.utf8.prefix(ControlSocket.maximumLauncherLineLength - 64), as: UTF8.self)
        state.withLock { $0.lines.append(GuestRequest.console(text).line.utf8) }
        wakeUp()
    }

    /// The guest is registered, for the first time or with another proxy: all that is kept goes there.
    public func attach(_ registration: GuestRegistration) {
        state.withLock { state in
            state.output = registration.output
            state.place = state.lines.start
        }
        wakeUp()
    }

    /// Sends what is left, for `milliseconds` at most. Call it once, before the registration's end.
    public func finish(milliseconds: CInt) {
        state.withLock { $0.isFinishing = true }
        wakeUp()
        if !done.readEnd.waitUntilReadable(milliseconds: milliseconds) { state.withLock { $0.output = nil } }
        wakeUp()
    }

    /// A full pipe wakes as well as one more byte would.
    private func wakeUp() { _ = try? withUnsafeBytes(of: UInt8(0)) { try wake.writeEnd.write($0) } }

    private func run() {
        while true {
            let (output, isFinishing) = state.withLock { ($0.output, $0.isFinishing) }
            let progress = output.map { pass(to: $0) } ?? .drained
            if progress != .blocked, isFinishing { break }
            wait(for: progress == .blocked ? output : nil)
        }
        done.writeEnd.close()
    }

    /// Sends what there is until the proxy takes no more now.
    private func pass(to output: LineOutput) -> LineOutput.Progress {
        while true {
            let progress = output.flush()
            guard progress == .drained else {
                if progress == .broken { state.withLock { if $0.output === output { $0.output = nil } } }
                return progress
            }
            let piece: [UInt8]? = state.withLock { state in
                guard state.output === output else { return nil }
                let (first, bytes) = state.lines.read(from: state.place, limit: 32 << 10)
                guard !bytes.isEmpty else { return nil }
                let missing = first - state.place
                state.place = first + bytes.count
                return missing > 0 ? Array(Self.missed(missing).utf8) + bytes : Array(bytes)
            }
            guard let piece else { return .drained }
            output.enqueue(piece)
        }
    }

    private static func missed(_ count: Int) -> String {
        GuestRequest.console("(\(count) bytes of the console are missing here)").line + "\n"
    }

    private func wait(for output: LineOutput?) {
        var requests = [
            pollfd(fd: wake.readEnd.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output?.descriptor ?? -1, events: Int16(POLLOUT), revents: 0),
        ]
        poll(&requests, nfds_t(requests.count), -1)
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while let count = try? wake.readEnd.read(into: buffer), count > 0 {}
        }
    }
}
