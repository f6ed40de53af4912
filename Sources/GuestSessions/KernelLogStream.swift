internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// The service `log`: the kernel's log as text, from its beginning; with `follow` also what comes later.
///
/// The log waits in the kernel's own ring: a client that does not read misses what was overwritten meanwhile, and is told.
final class KernelLogStream: StreamService {
    private let stream: LinkStream
    private let source: EventSource
    private let loop: Watcher
    private let follows: Bool
    private var file: FileDescriptor?

    init(_ stream: LinkStream, follows: Bool, id: ServiceID, loop: Watcher) {
        self.stream = stream
        self.follows = follows
        self.loop = loop
        source = .service(id)
    }

    var isOver: Bool { file == nil }
    var nextDeadline: UInt64? { nil }

    func start() {
        do throws(Errno) {
            file = try FileDescriptor.open("/dev/kmsg", .readNonBlocking)
        } catch {
            return stream.refuse("cannot open /dev/kmsg in the guest: \(error.description)")
        }
        stream.accept()
        pump()
    }

    private func pump() {
        let longest = KernelLogRecord.maximumLength + 32
        while let file {
            guard stream.capacity(wanted: longest) >= longest else { return loop.watch(file, [], source) }
            do throws(Errno) {
                guard let record = try file.read(upTo: KernelLogRecord.maximumLength) else {
                    if follows { return loop.watch(file, .readable, source) }
                    stream.finish()
                    return close()
                }
                if let record = KernelLogRecord(record[...]) { stream.send(record.line + [UInt8(ascii: "\n")]) }
            } catch  where error == Errno(EPIPE) {
                stream.send(Array("vm-agent: messages were overwritten before they were read\n".utf8))
            } catch {
                stream.reset()
                return close()
            }
        }
    }

    func received(_ bytes: ArraySlice<UInt8>) { stream.consumed(bytes.count) }
    func inputFinished() {}
    func streamWritable() { pump() }
    func streamLost() { close() }
    func ready(_ ready: EventPoll.Interest) { pump() }
    func tick(now: UInt64) {}

    private func close() {
        if let file { loop.close(file) }
        file = nil
    }
}
