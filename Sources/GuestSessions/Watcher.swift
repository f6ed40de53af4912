internal import LinuxSystem

/// Which of the guest's links: their order, from 0.
typealias LinkID = Int

/// What a watched descriptor belongs to.
enum EventSource: Equatable {
    case bootChannel
    case mounts
    case link(LinkID)
    case start(SessionID)
    case input(SessionID)
    case output(SessionID)
    case errorOutput(SessionID)
    case end(SessionID)
    case service(ServiceID)
}

/// Sets what each descriptor is watched for. The queue is told when the loop waits the next time, and only of what is then another:
/// where data flows, much of what is watched for is taken back in the same turn.
///
/// What is watched here is closed here and nowhere else: the next descriptor gets its number, and would be taken for one that the queue
/// has.
///
/// A descriptor that is watched for nothing is taken out of the queue: epoll reports a hang-up whatever one asks for,
/// and a loop that cannot act on it would spin.
final class Watcher {
    private struct Watched {
        var interest: EventPoll.Interest
        var source: EventSource
        /// What the queue knows of; nothing for one that is not in it.
        var told: EventPoll.Interest
        /// Whether it is among the `changed`.
        var isChanged: Bool
    }

    private let poll: EventPoll
    /// By descriptor, whose numbers are small.
    private var watched: [Watched?] = []
    private var changed: [CInt] = []

    init() throws(Errno) { poll = try EventPoll() }

    func watch(_ descriptor: FileDescriptor, _ interest: EventPoll.Interest, _ source: EventSource) {
        let index = Int(descriptor.rawValue)
        guard index >= 0 else { return }
        while watched.count <= index { watched.append(nil) }
        var entry = watched[index] ?? Watched(interest: [], source: source, told: [], isChanged: false)
        (entry.interest, entry.source) = (interest, source)
        if !entry.isChanged, entry.interest != entry.told {
            entry.isChanged = true
            changed.append(descriptor.rawValue)
        }
        watched[index] = entry
    }

    /// Stops watching and closes.
    func close(_ descriptor: FileDescriptor) {
        if let entry = entry(descriptor.rawValue) {
            if !entry.told.isEmpty { poll.remove(descriptor) }
            watched[Int(descriptor.rawValue)] = nil
        }
        descriptor.close()
    }

    /// What is ready within `milliseconds`. A source may have lost its descriptor to an event before its own.
    func wait(milliseconds: Int32) -> [(source: EventSource, ready: EventPoll.Interest)] {
        tell()
        var ready: [(source: EventSource, ready: EventPoll.Interest)] = []
        for event in poll.wait(milliseconds: milliseconds) {
            guard let entry = entry(CInt(truncatingIfNeeded: event.key)) else { continue }
            ready.append((entry.source, event.ready))
        }
        return ready
    }

    private func tell() {
        for number in changed {
            // One that was closed may be another's by now, and have come here twice.
            guard var entry = entry(number), entry.isChanged else { continue }
            let descriptor = FileDescriptor(rawValue: number)
            let key = UInt64(UInt32(bitPattern: number))
            if entry.interest.isEmpty {
                if !entry.told.isEmpty { poll.remove(descriptor) }
            } else if entry.told.isEmpty {
                try? poll.add(descriptor, entry.interest, key: key)
            } else if entry.told != entry.interest {
                try? poll.modify(descriptor, entry.interest, key: key)
            }
            (entry.told, entry.isChanged) = (entry.interest, false)
            watched[Int(number)] = entry.interest.isEmpty ? nil : entry
        }
        changed.removeAll(keepingCapacity: true)
    }

    private func entry(_ number: CInt) -> Watched? {
        watched.indices.contains(Int(number)) ? watched[Int(number)] : nil
    }
}
