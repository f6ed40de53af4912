import CLinux
import Glibc
public import LinuxSystem

/// Signals as bytes on a descriptor, so that a poll loop meets them like any other event.
///
/// Handlers that write to a pipe, and not `signalfd`: that would need every thread of the process to block the signals for
/// ever, and neither libdispatch's main thread (`sigsuspend`) nor swift-subprocess's monitor (`epoll_pwait` with an empty
/// mask) does. One of them would take the signal and end the program, with everything left behind.
public final class SignalInbox: Sendable {
    /// The descriptor that is readable when a signal has arrived.
    public let descriptor: CInt
    private let writeEnd: CInt
    private let signals: [CInt]

    /// Collects `signals` from now on; of several inboxes for one signal the newest has it. `SIGPIPE` is caught as well, so
    /// that a write to a closed pipe is an error of that write (`EPIPE`) and not the end of the process.
    public init(_ signals: [CInt]) throws(Errno) {
        let pipe = try FileDescriptor.pipe()
        (descriptor, writeEnd, self.signals) = (pipe.readEnd.rawValue, pipe.writeEnd.rawValue, signals)
        try pipe.readEnd.setNonBlocking()
        try pipe.writeEnd.setNonBlocking()
        for signal in signals { guard linux_report_signal(signal, writeEnd) == 0 else { throw .current } }
        guard linux_report_signal(SIGPIPE, -1) == 0 else { throw .current }
    }

    deinit {
        for signal in signals { linux_stop_reporting(signal, writeEnd) }
        close(writeEnd)
        close(descriptor)
    }

    /// The next signal that asks for the end of a wait: one that stops this process as a job does so, and one that says nothing
    /// to a wait is passed over.
    public func nextInterruption() -> CInt? {
        while let signal = next() {
            switch signal {
            case SIGTSTP: kill(getpid(), SIGSTOP)
            case SIGCONT, SIGWINCH: break
            default: return signal
            }
        }
        return nil
    }

    /// The next signal that has arrived, or nil when there is none.
    public func next() -> CInt? {
        var number: UInt8 = 0
        while true {
            let count = read(descriptor, &number, 1)
            if count == 1 { return CInt(number) }
            guard count < 0, Errno.current == Errno(EINTR) else { return nil }
        }
    }
}
