internal import AgentProtocol
internal import Yamux

/// The `events` stream of a link: the boot's reports and the agent's own, from the agent to the guest's state here.
final class BootFollower: LinkStreamOwner {
    private unowned let link: LinkHandler
    private let proxy: ProxyCore
    private var stream: UInt32 = 0
    private var decoder = FrameDecoder()

    /// Opens the stream on `link`.
    static func follow(_ link: LinkHandler, proxy: ProxyCore) {
        let follower = BootFollower(link, proxy)
        do {
            follower.stream = try link.open(Service.events.rawValue, owner: follower)
        } catch {
            link.close(error.text)
        }
    }

    private init(_ link: LinkHandler, _ proxy: ProxyCore) {
        self.link = link
        self.proxy = proxy
    }

    func streamReceived(_ bytes: [UInt8]) {
        link.consumed(stream, bytes.count)
        decoder.append(bytes)
        do {
            while let frame = try decoder.next() { try obey(frame) }
        } catch {
            link.close("its boot reports: \(error.text)")
        }
    }

    private func obey(_ frame: Frame) throws(ProtocolError) {
        switch frame.type {
        case .accepted: break
        case .refused: proxy.log("guest \(link.guestName) does not report its boot: \(frame.text)")
        case .step: proxy.report(try StepReport(decoding: frame.payload), of: link.guestName)
        case .boot: proxy.report(try BootReport(decoding: frame.payload), of: link.guestName)
        case .agent: proxy.report(try AgentReport(decoding: frame.payload), of: link.guestName)
        default: throw .unexpectedFrame(frame.type.rawValue)
        }
    }

    func streamFinished() {}
    func streamLost(_ reason: String) {}
    func streamWritable() {}
}
