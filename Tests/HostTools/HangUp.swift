internal import Glibc
public import LinuxSystem

extension FileDescriptor {
    /// Waits until the other end of a pipe or a UNIX socket is closed everywhere; false when `milliseconds` passed.
    ///
    /// A program that another test of this process starts at this moment has all descriptors, too, until it is its own program: after
    /// `close` of the one end, the other one's is only near.
    public func waitUntilHungUp(milliseconds: Int32 = 60_000) -> Bool {
        // Nothing else is asked for, so that only the end wakes.
        var state = pollfd(fd: rawValue, events: 0, revents: 0)
        var count = poll(&state, 1, milliseconds)
        while count < 0, Errno.current == Errno(EINTR) { count = poll(&state, 1, milliseconds) }
        return count == 1 && state.revents & Int16(POLLNVAL) == 0
    }
}
