import AgentProtocol
import CLinux
import Glibc
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    static func rig(_ target: ConnectTarget, now: UInt64 = Uptime.microseconds) throws -> ServiceRig {
        try ServiceRig { Connection(target, $0, id: 1, loop: $1, now: now) }
    }

    /// A connection that was accepted, and the peer's end of it.
    static func connected() throws -> (rig: ServiceRig, peer: FileDescriptor) {
        let listener = try TestListener()
        let rig = try rig(.tcp(address: nil, port: listener.port))
        let peer = try listener.accept()
        try rig.run { !rig.link.sent.isEmpty }
        return (rig, peer)
    }

    static let accepted = Frame(.accepted).encoded()

    static func refusal(_ rig: ServiceRig) throws -> String {
        var decoder = FrameDecoder()
        decoder.append(rig.link.sent)
        let frame = try #require(try decoder.next())
        #expect(frame.type == .refused)
        #expect(rig.link.isFinished)
        #expect(rig.service.isOver)
        return frame.text
    }

    /// The next descriptor that is opened gets its number.
    @Test func aConnectionThatIsLostLeavesItsNumberToTheNext() throws {
        let (rig, _) = try Self.connected()
        rig.runOnce()
        rig.service.streamLost()
        var opened: [FileDescriptor] = []
        // One of them, unless another test was faster. A wait reports 32 at most.
        for _ in 0..<12 {
            let pipe = try FileDescriptor.pipe()
            opened += [pipe.readEnd, pipe.writeEnd]
            try pipe.writeEnd.writeAll([1])
            rig.loop.watch(pipe.readEnd, .readable, .output(UInt64(pipe.readEnd.rawValue)))
            rig.loop.watch(pipe.writeEnd, .writable, .input(UInt64(pipe.writeEnd.rawValue)))
        }
        #expect(rig.loop.wait(milliseconds: 0).count == opened.count)
        for descriptor in opened { rig.loop.close(descriptor) }
    }

    // MARK: Being made

    @Test func aPortThatNobodyListensOnIsRefusedWithTheSystemsReason() throws {
        let port = try UnusedPort()
        let rig = try Self.rig(.tcp(address: nil, port: port.number))
        try rig.run { rig.service.isOver }
        #expect(try Self.refusal(rig) == "cannot connect to localhost:\(port.number) in the guest: Connection refused (errno 111)")
    }

    @Test(arguments: [
        (
            ConnectTarget.unix(path: Array("/no/such/socket".utf8)),
            "cannot connect to /no/such/socket in the guest: there is no such socket"
        ),
        (
            .tcp(address: "db.local", port: 5432),
            "cannot connect to db.local:5432 in the guest: that is no IPv4 or IPv6 address; names are not looked up"
        ),
    ])
    func whatCannotBeReachedIsRefusedWithTheReason(target: ConnectTarget, text: String) throws {
        #expect(try Self.refusal(try Self.rig(target)) == text)
    }

    @Test func theLoopbackOfEitherFamilyIsFound() throws {
        // Where the host has no IPv6 there is nothing to find.
        guard let listener = try? TestListener(address: "::1") else { return }
        let rig = try Self.rig(.tcp(address: nil, port: listener.port))
        try rig.run { !rig.link.sent.isEmpty }
        #expect(rig.link.sent == Self.accepted)
    }

    @Test func aConnectionThatIsNotMadeInTenSecondsIsRefused() throws {
        let directory = try TestDirectory()
        let listener = linux_listen_unix(directory.path + "/full")
        defer { close(listener) }
        #expect(listen(listener, 0) == 0)
        let target = ConnectTarget.unix(path: Array((directory.path + "/full").utf8))
        // The queue of a listener that takes nothing has room for one.
        let first = try Self.rig(target, now: 1_000)
        #expect(first.link.sent == Self.accepted)
        let second = try Self.rig(target, now: 1_000)
        #expect(second.link.sent.isEmpty)
        #expect(second.service.nextDeadline == 1_000 + Connection.patience)
        second.service.tick(now: 1_000 + Connection.patience)
        #expect(try Self.refusal(second).hasSuffix("timed out after 10 s"))
        first.service.streamLost()
    }

    @Test func aFullQueueOfAUnixSocketIsWaitedFor() throws {
        let directory = try TestDirectory()
        let listener = linux_listen_unix(directory.path + "/full")
        defer { close(listener) }
        #expect(listen(listener, 0) == 0)
        let target = ConnectTarget.unix(path: Array((directory.path + "/full").utf8))
        let first = try Self.rig(target)
        let second = try Self.rig(target)
        #expect(second.link.sent.isEmpty)
        close(linux_accept(listener, 1_000))
        let retry = try #require(second.service.nextDeadline)
        second.service.tick(now: retry)
        #expect(second.link.sent == Self.accepted)
        for rig in [first, second] { rig.service.streamLost() }
    }

    @Test func aNameOfTheAbstractNamespaceIsReached() throws {
        let name = "vm-agent-test-\(getpid())"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: [0] + Array(name.utf8)) }
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, length) }
        }
        #expect(bound == 0 && listen(listener, 1) == 0)
        let rig = try Self.rig(try ConnectTarget("unix:@\(name)"))
        #expect(rig.link.sent == Self.accepted)
        rig.service.streamLost()
    }

    // MARK: Bytes and ends

    @Test func whatTheClientSentBeforeTheConnectionWasMadeArrives() throws {
        let listener = try TestListener()
        let rig = try Self.rig(.tcp(address: "127.0.0.1", port: listener.port))
        rig.service.received(Array("early".utf8)[...])
        rig.service.inputFinished()
        let peer = try listener.accept()
        defer { peer.close() }
        try rig.run { rig.link.credit == 5 }
        #expect(try peer.readToEnd() == Array("early".utf8))
    }

    @Test func theClientsEndLeavesTheOtherDirectionOpen() throws {
        let (rig, peer) = try Self.connected()
        rig.service.received(Array("question".utf8)[...])
        rig.service.inputFinished()
        #expect(try peer.readToEnd() == Array("question".utf8))
        #expect(!rig.link.isFinished)
        try peer.writeAll(Array("answer".utf8))
        try rig.run { rig.link.sent.count == Self.accepted.count + 6 }
        peer.close()
        try rig.run { rig.service.isOver }
        #expect(rig.link.sent == Self.accepted + Array("answer".utf8))
        #expect(rig.link.isFinished && !rig.link.isReset)
    }

    @Test func thePeersEndLeavesTheOtherDirectionOpen() throws {
        let (rig, peer) = try Self.connected()
        defer { peer.close() }
        try peer.writeAll(Array("bye".utf8))
        try peer.finishSending()
        try rig.run { rig.link.isFinished }
        #expect(!rig.service.isOver)
        for _ in 0..<3 { rig.service.received(Array("more".utf8)[...]) }
        rig.service.inputFinished()
        #expect(rig.service.isOver)
        #expect(try peer.readToEnd() == Array("moremoremore".utf8))
        #expect(rig.link.sent == Self.accepted + Array("bye".utf8))
        #expect(!rig.link.isReset)
    }

    @Test func theClientGetsCreditOnlyForWhatTheSocketHasTaken() throws {
        let (rig, peer) = try Self.connected()
        defer { peer.close() }
        let piece = [UInt8](repeating: 7, count: 256 << 10)
        let total = 64 * piece.count
        for _ in 0..<64 { rig.service.received(piece[...]) }
        #expect(rig.link.credit < total)
        try peer.setNonBlocking()
        var count = 0
        while count < total {
            rig.runOnce()
            while let bytes = try peer.read(upTo: 1 << 20) { count += bytes.count }
        }
        #expect(rig.link.credit == total)
    }

    @Test func theSocketIsReadOnlyWhileTheStreamTakesBytes() throws {
        let (rig, peer) = try Self.connected()
        defer { peer.close() }
        rig.link.window = 10
        try peer.writeAll(Array("0123456789abcdef".utf8))
        try rig.run { rig.link.window == 0 }
        // A loop that could not act on it would spin: nothing is reported.
        #expect(rig.loop.wait(milliseconds: 0).isEmpty)
        #expect(rig.link.sent == Self.accepted + Array("0123456789".utf8))
        rig.link.window = 100
        rig.service.streamWritable()
        #expect(rig.link.sent == Self.accepted + Array("0123456789abcdef".utf8))
    }

    @Test func aPeerThatBreaksOffResetsTheStream() throws {
        let (rig, peer) = try Self.connected()
        peer.closeWithReset()
        try rig.run { rig.service.isOver }
        #expect(rig.link.isReset && !rig.link.isFinished)
    }

    @Test func aPeerThatIsGoneAfterItsEndResetsTheStreamWhenTheClientWrites() throws {
        let (rig, peer) = try Self.connected()
        peer.close()
        try rig.run { rig.link.isFinished }
        #expect(!rig.link.isReset)
        rig.service.received([1])
        // The peer's kernel answers with a reset.
        try rig.run { rig.service.isOver }
        #expect(rig.link.isReset)
    }

    /// An upload that is cut short must not look like one that is complete.
    @Test func aLostStreamIsAResetForThePeerAndNoEnd() throws {
        let (rig, peer) = try Self.connected()
        defer { peer.close() }
        rig.service.received(Array("half of it".utf8)[...])
        rig.service.streamLost()
        #expect(rig.service.isOver)
        #expect(throws: Errno(ECONNRESET)) { try peer.readToEnd() }
    }
}
