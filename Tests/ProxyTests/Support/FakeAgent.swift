import AgentProtocol
import CLinux
import Foundation
import Yamux

/// The guest's end of a link, byte by byte: what the real agent never does, it can. Its shells say a name and then repeat
/// what they get.
final class FakeAgent {
    let socket: SocketClient
    private let name: String
    private var yamux = YamuxConnection(role: .client)
    private var requests: [UInt32: FrameDecoder] = [:]
    private(set) var shells: [UInt32] = []
    /// What is answered to a request, in place of what the real agent would, before the stream ends; nil: as the real agent.
    var answer: (String) -> [UInt8]? = { _ in nil }

    /// Which requests get no answer at all.
    var ignores: (String) -> Bool = { _ in false }

    init(_ name: String, _ path: String) throws {
        self.name = name
        socket = try SocketClient(path)
    }

    /// Says hello and waits for the proxy's answer to it.
    func greet(_ hello: Hello) throws -> Hello {
        yamux = YamuxConnection(role: .client)
        (requests, shells) = ([:], [])
        try socket.send(hello.encoded())
        var scanner = HelloScanner(nonce: hello.nonce)
        while true {
            let bytes = try socket.receive()
            guard !bytes.isEmpty else { throw TestFault("the proxy closed the link before its hello") }
            guard let found = bytes.withUnsafeBytes({ scanner.scan($0) { _ in } }) else { continue }
            try feed(bytes[found.used...])
            return found.hello
        }
    }

    /// Serves until `isOver`, or until the proxy closes the link.
    func serve(until isOver: (FakeAgent) -> Bool = { _ in false }) throws {
        while !isOver(self) {
            let bytes = try socket.receive()
            if bytes.isEmpty { return }
            try feed(bytes[...])
        }
    }

    /// Serves on a thread of its own until the link is closed.
    func serveInBackground() {
        let served = Served(agent: self)
        Thread.detachNewThread { try? served.agent.serve() }
    }

    /// Carries an agent to its thread, which alone uses it then.
    private struct Served: @unchecked Sendable { let agent: FakeAgent }

    /// The bytes that a stream's data would be sent as.
    func frame(_ stream: UInt32, _ bytes: [UInt8]) -> [UInt8] {
        _ = bytes.withUnsafeBytes { yamux.send(stream, $0) }
        return yamux.takeOutput()
    }

    private func feed(_ bytes: ArraySlice<UInt8>) throws {
        try bytes.withUnsafeBytes { try yamux.receive($0) }
        while let event = yamux.nextEvent() {
            switch event {
            case .opened(let stream): requests[stream] = FrameDecoder()
            case .data(let stream, let bytes): try received(stream, Array(bytes))
            default: break
            }
        }
        let output = yamux.takeOutput()
        // A proxy that has closed the link is noticed by the next receive.
        if !output.isEmpty { try? socket.send(output) }
    }

    private func received(_ stream: UInt32, _ bytes: [UInt8]) throws {
        yamux.consumed(stream, bytes.count)
        guard requests[stream] != nil else { return send(stream, bytes) }
        requests[stream]?.append(bytes)
        guard let request = try requests[stream]?.next() else { return }
        requests[stream] = nil
        if ignores(request.text) { return }
        if let answer = answer(request.text) {
            if !answer.isEmpty { send(stream, answer) }
            return yamux.finish(stream)
        }
        send(stream, Frame(.accepted).encoded())
        if request.text == Service.events.rawValue {
            send(stream, Frame(.boot, BootReport(state: .ready, uptime: 1).encoded()[...]).encoded())
        } else {
            shells.append(stream)
            send(stream, Array("\(name)\n".utf8))
        }
    }

    private func send(_ stream: UInt32, _ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { yamux.send(stream, $0) }
    }
}
