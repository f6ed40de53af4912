internal import LinuxSystem

/// Which of the guest's links: their order, from 0.
typealias LinkID = Int

/// What a watched descriptor belongs to.
enum EventSource: Equatable {
    case bootChannel
    case mounts
    case link(LinkID)
    case input(SessionID)
    case output(SessionID)
    case errorOutput(SessionID)
    case end(SessionID)
    case service(ServiceID)
}

/// Sets what each descriptor is watched for; the queue is only told of changes.
///
/// A descriptor that is watched for nothing is taken out of the queue: epoll reports a hang-up whatever one asks for,
/// and a loop that cannot act on it would spin.
final class Watcher {
    private struct Watched {
        var interest: EventPoll.Interest
        var source: EventSource
    }

    private let poll: EventPoll
    private var watched: [CInt: Watched] = [:]

    init() throws(Errno) { poll = try EventPoll() }

    func watch(_ descriptor: FileDescriptor, _ interest: EventPoll.Interest, _ source: EventSource) {
        let before = watched[descriptor.rawValue]
        if interest.isEmpty {
            if before != nil { poll.remove(descriptor) }
            watched[descriptor.rawValue] = nil
            return
        }
        let key = UInt64(UInt32(bitPattern: descriptor.rawValue))
        if let before {
            if before.interest != interest { try? poll.modify(descriptor, interest, key: key) }
        } else {
            try? poll.add(descriptor, interest, key: key)
        }
        watched[descriptor.rawValue] = Watched(interest: interest, source: source)
    }

    /// Stops watching and closes.
    func close(_ descriptor: FileDescriptor) {
        if watched.removeValue(forKey: descriptor.rawValue) != nil { poll.remove(descriptor) }
        descriptor.close()
    }

    /// What is ready within `milliseconds`. A source may have lost its descriptor to an event before its own.
    func wait(milliseconds: Int32) -> [(source: EventSource, ready: EventPoll.Interest)] {
        var ready: [(source: EventSource, ready: EventPoll.Interest)] = []
        for event in poll.wait(milliseconds: milliseconds) {
            guard let entry = watched[CInt(truncatingIfNeeded: event.key)] else { continue }
            ready.append((entry.source, event.ready))
        }
        return ready
    }
}
