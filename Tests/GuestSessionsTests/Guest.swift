import AgentProtocol
import CLinux
import LinuxSystem
import Testing
import Yamux

@testable import GuestSessions

/// The sessions of a guest with real processes of this machine, and a link to them: two yamux connections, joined in memory.
final class Guest: StreamCarrier {
    let loop: Watcher
    let service: SessionService
    private var agent = YamuxConnection(role: .client)
    private var host = YamuxConnection(role: .server)
    private var opening: [UInt32: FrameDecoder] = [:]
    private var clients: [UInt32: Client] = [:]
    /// What the loop takes the time to be, ahead of the clock: for what takes long.
    var clockAdvance: UInt64 = 0

    init() throws {
        linux_ignore_signal(SIGPIPE)
        loop = try Watcher()
        service = SessionService(loop)
    }

    // MARK: The agent's end of streams

    func capacity(_ stream: UInt32, wanted: Int) -> Int { agent.sendCapacity(stream, wanted: wanted) }
    func consumed(_ stream: UInt32, _ count: Int) { if count > 0 { agent.consumed(stream, count) } }
    func finish(_ stream: UInt32) { agent.finish(stream) }
    func reset(_ stream: UInt32) { agent.reset(stream) }

    func sendWhole(_ stream: UInt32, _ bytes: [UInt8]) {
        let sent = bytes.withUnsafeBytes { agent.send(stream, $0) }
        if sent < bytes.count { agent.reset(stream) }
    }

    // MARK: The client's end

    /// A client of one stream.
    final class Client {
        let stream: UInt32
        fileprivate unowned let guest: Guest
        /// Whether what arrives gives the agent credit for more.
        var takes = true
        fileprivate(set) var raw: [UInt8] = []
        fileprivate(set) var frames: [Frame] = []
        fileprivate(set) var isFinished = false
        fileprivate(set) var isReset = false
        fileprivate var decoder: FrameDecoder?
        fileprivate var unsent: [UInt8] = []
        fileprivate var untaken = 0

        fileprivate init(_ stream: UInt32, _ guest: Guest, isRaw: Bool) {
            self.stream = stream
            self.guest = guest
            decoder = isRaw ? nil : FrameDecoder()
        }

        func send(_ type: FrameType, _ payload: [UInt8] = []) { send(Frame(type, payload[...]).encoded()) }

        func send(_ bytes: [UInt8]) {
            unsent += bytes
            guest.exchange()
        }

        /// Half-closes.
        func finish() {
            guest.host.finish(stream)
            guest.exchange()
        }

        /// Is gone, as by SIGKILL.
        func vanish() {
            guest.host.reset(stream)
            guest.clients[stream] = nil
            guest.exchange()
        }

        func payload(of type: FrameType) -> [UInt8] { frames.filter { $0.type == type }.flatMap(\.payload) }
        var output: String { String(decoding: payload(of: .standardOutput), as: UTF8.self) }
        var errors: String { String(decoding: payload(of: .standardError), as: UTF8.self) }
        var end: AgentProtocol.ExitStatus? {
            frames.last { $0.type == .ended }.flatMap { try? AgentProtocol.ExitStatus(decoding: $0.payload) }
        }
        var start: SessionStart? { frames.last { $0.type == .started }.flatMap { try? SessionStart(decoding: $0.payload) } }
        var hasRoom: Bool { unsent.isEmpty }

        fileprivate func take(_ bytes: [UInt8]) throws {
            guard var decoder else { return raw += bytes }
            decoder.append(bytes)
            while let frame = try decoder.next() { if frame.type != .accepted { frames.append(frame) } }
            self.decoder = decoder
        }
    }

    func open(_ service: Service) throws -> Client {
        let stream = try host.open()
        let client = Client(stream, self, isRaw: service == .shell)
        clients[stream] = client
        client.send(Frame(.open, text: service.rawValue).encoded())
        return client
    }

    func exec(_ command: Command) throws -> Client {
        let client = try open(.exec)
        client.send(.command, command.encoded())
        return client
    }

    /// Runs `script` by sh.
    func shell(_ script: String, _ change: (inout Command) -> Void = { _ in }) throws -> Client {
        var command = Command(arguments: ["sh", "-c", script].map { Array($0.utf8) })
        change(&command)
        return try exec(command)
    }

    /// Starts a detached session and returns its number.
    func detach(_ script: String, _ change: (inout Command) -> Void = { _ in }) throws -> UInt64 {
        let client = try shell(script) {
            $0.isDetached = true
            change(&$0)
        }
        try run { client.isFinished }
        return try #require(client.start).session
    }

    func attach(_ session: UInt64, wantsInput: Bool = false) throws -> Client {
        let client = try open(.attach)
        client.send(.attach, AttachRequest(session: session, wantsInput: wantsInput).encoded())
        return client
    }

    func sessions() throws -> [SessionReport] {
        let client = try open(.sessions)
        try run { client.isFinished }
        return try client.frames.filter { $0.type == .session }.map { try SessionReport(decoding: $0.payload) }
    }

    /// Every stream is lost.
    func loseLink() {
        agent = YamuxConnection(role: .client)
        host = YamuxConnection(role: .server)
        clients = [:]
        service.lost(self)
    }

    // MARK: The loop

    /// Lets everything happen until `isDone`, at most 20 s.
    func run(until isDone: () throws -> Bool) throws {
        let end = Uptime.microseconds + 20_000_000
        exchange()
        while !(try isDone()) {
            try #require(Uptime.microseconds < end, "it did not happen within 20 s")
            for (source, _) in loop.wait(milliseconds: 20) { service.handle(source) }
            service.tick(now: Uptime.microseconds + clockAdvance)
            exchange()
        }
    }

    /// Carries bytes both ways until there are none.
    private func exchange() {
        do {
            var isBusy = true
            while isBusy {
                isBusy = false
                for client in clients.values where !client.unsent.isEmpty {
                    let sent = client.unsent.withUnsafeBytes { host.send(client.stream, $0) }
                    client.unsent.removeFirst(sent)
                }
                if host.outputCount > 0 { try host.takeOutput().withUnsafeBytes { try agent.receive($0) } }
                if agent.outputCount > 0 { try agent.takeOutput().withUnsafeBytes { try host.receive($0) } }
                while let event = agent.nextEvent() {
                    isBusy = true
                    try agentEvent(event)
                }
                while let event = host.nextEvent() {
                    isBusy = true
                    try hostEvent(event)
                }
                for client in clients.values where client.takes && client.untaken > 0 {
                    host.consumed(client.stream, client.untaken)
                    client.untaken = 0
                }
                isBusy = isBusy || host.outputCount > 0 || agent.outputCount > 0
            }
        } catch {
            Issue.record("the link broke: \(error)")
        }
    }

    private func agentEvent(_ event: YamuxEvent) throws {
        switch event {
        case .opened(let number): opening[number] = FrameDecoder()
        case .data(let number, let bytes):
            let stream = LinkStream(carrier: self, number: number)
            if service.received(bytes[...], from: stream) { return }
            guard var decoder = opening.removeValue(forKey: number) else { return consumed(number, bytes.count) }
            decoder.append(bytes)
            guard let frame = try decoder.next(), let service = Service(rawValue: frame.text) else {
                opening[number] = decoder
                return
            }
            let rest = decoder.takeRemainder()
            consumed(number, bytes.count - rest.count)
            if let reason = self.service.open(service, stream, rest) {
                stream.send(Frame(.refused, text: reason).encoded())
                stream.finish()
            }
        case .finished(let number): _ = service.finished(LinkStream(carrier: self, number: number))
        case .reset(let number): service.lost(LinkStream(carrier: self, number: number))
        case .writable(let number): service.writable(LinkStream(carrier: self, number: number))
        default: break
        }
    }

    private func hostEvent(_ event: YamuxEvent) throws {
        switch event {
        case .data(let number, let bytes):
            guard let client = clients[number] else { return host.consumed(number, bytes.count) }
            client.untaken += bytes.count
            try client.take(Array(bytes))
        case .finished(let number): clients[number]?.isFinished = true
        case .reset(let number): clients[number]?.isReset = true
        default: break
        }
    }
}
