import CLinux
import Glibc
public import LinuxSystem

/// Signals as bytes on a descriptor (`man 2 signalfd`), so that a poll loop meets them like any other event.
///
/// Make it in `main`, before there are other threads: threads inherit the mask, and a signal must find every thread blocked.
/// Programs that this process starts need the mask reset (`POSIX_SPAWN_SETSIGMASK`, which swift-subprocess does).
public final class SignalInbox: Sendable {
    /// The descriptor that is readable when a signal has arrived.
    public let descriptor: CInt

    /// Blocks `signals` in this thread and in the threads it starts, and collects them. `SIGPIPE` is blocked as well, so
    /// that a write to a closed pipe is an error of that write (`EPIPE`) and not the end of the process.
    public init(_ signals: [CInt]) throws(Errno) {
        var collected = sigset_t()
        sigemptyset(&collected)
        for signal in signals { sigaddset(&collected, signal) }
        var blocked = collected
        sigaddset(&blocked, SIGPIPE)
        let result = pthread_sigmask(SIG_BLOCK, &blocked, nil)
        guard result == 0 else { throw Errno(result) }
        descriptor = signalfd(-1, &collected, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
        guard descriptor >= 0 else { throw .current }
    }

    deinit { close(descriptor) }

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
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while true {
            let count = read(descriptor, &information, size)
            if count == size { return CInt(information.ssi_signo) }
            guard count < 0, Errno.current == Errno(EINTR) else { return nil }
        }
    }
}
