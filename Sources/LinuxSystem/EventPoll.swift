internal import CLinux

/// The kernel's readiness queue (`man 7 epoll`), level-triggered.
public struct EventPoll: Sendable {
    /// What a descriptor is watched for, or ready for.
    public struct Interest: OptionSet, Sendable {
        /// EPOLL… bits.
        public let rawValue: UInt32
        /// From EPOLL… bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Data, or the end of it, can be read.
        public static let readable = Interest(rawValue: 0x1)
        /// Data can be written.
        public static let writable = Interest(rawValue: 0x4)
        /// The other end is gone; always reported.
        public static let hangUp = Interest(rawValue: 0x10)
        /// An error is pending; always reported.
        public static let error = Interest(rawValue: 0x8)
    }

    /// A descriptor that is ready.
    public struct Event: Sendable {
        /// The key that it was added with.
        public var key: UInt64
        /// What it is ready for.
        public var ready: Interest
    }

    private let file: FileDescriptor

    /// Makes an empty queue.
    public init() throws(Errno) {
        let descriptor = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .current }
        file = FileDescriptor(rawValue: descriptor)
    }

    /// Watches `descriptor`; `key` comes back with its events.
    public func add(_ descriptor: FileDescriptor, _ interest: Interest, key: UInt64) throws(Errno) {
        try control(EPOLL_CTL_ADD, descriptor, interest, key)
    }

    /// Changes what `descriptor` is watched for.
    public func modify(_ descriptor: FileDescriptor, _ interest: Interest, key: UInt64) throws(Errno) {
        try control(EPOLL_CTL_MOD, descriptor, interest, key)
    }

    /// Stops watching `descriptor`; before it is closed.
    public func remove(_ descriptor: FileDescriptor) { _ = epoll_ctl(file.rawValue, EPOLL_CTL_DEL, descriptor.rawValue, nil) }

    /// Waits for events, at most `milliseconds` (-1: for ever).
    public func wait(milliseconds: CInt) -> [Event] {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 32) { buffer in
            let count = epoll_wait(file.rawValue, buffer.baseAddress, 32, milliseconds)
            var events: [Event] = []
            for index in 0..<max(0, Int(count)) {
                events.append(Event(key: buffer[index].data.u64, ready: Interest(rawValue: buffer[index].events)))
            }
            return events
        }
    }

    private func control(_ operation: CInt, _ descriptor: FileDescriptor, _ interest: Interest, _ key: UInt64) throws(Errno) {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = key
        guard epoll_ctl(file.rawValue, operation, descriptor.rawValue, &event) == 0 else { throw .current }
    }
}
