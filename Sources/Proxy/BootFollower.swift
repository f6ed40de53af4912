internal import AgentProtocol
internal import Yamux

/// The `events` stream of a link: the boot's reports and the agent's own, from the agent to the guest's state here.
///
/// A report costs far more than its bytes, so only so many are looked at in one turn of the event loop, and the agent gets
/// credit for their bytes only then.
final class BootFollower: LinkStreamOwner {
    private unowned let link: LinkHandler
    private let proxy: ProxyCore
    /// Nil when it is over.
    private var stream: UInt32?
    private var decoder = FrameDecoder()
    private var uncredited = 0
    private var isWaiting = false
    private var rate: RateLimit

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
        let limits = proxy.configuration.limits
        rate = RateLimit(atOnce: limits.reportsAtOnce, perSecond: limits.reportsPerSecond)
    }

    func streamReceived(_ bytes: ArraySlice<UInt8>) {
        uncredited += bytes.count
        decoder.append(bytes)
        if !isWaiting { proceed() }
    }

    private func proceed() {
        guard let stream else { return }
        let limits = proxy.configuration.limits
        do {
            for _ in 0..<limits.reportsPerTurn {
                guard let frame = try decoder.next() else {
                    guard decoder.bufferedCount <= limits.reportLength else {
                        throw ProtocolError.tooLong(length: decoder.bufferedCount, limit: limits.reportLength)
                    }
                    link.consumed(stream, uncredited)
                    uncredited = 0
                    return
                }
                guard rate.take(now: proxy.now) else {
                    return cut("it sends more than \(limits.reportsPerSecond) boot reports per second")
                }
                try obey(frame)
            }
        } catch {
            return cut("its boot reports: \((error as? ProtocolError)?.text ?? "\(error)")")
        }
        isWaiting = true
        proxy.inNextTurn {
            self.isWaiting = false
            guard let link = self.presentLink else { return }
            self.proceed()
            link.flush()
        }
    }

    /// The link, as long as the stream is there; the link may be gone before its owners are.
    private var presentLink: LinkHandler? { stream == nil ? nil : link }

    private func cut(_ reason: String) {
        stream = nil
        decoder = FrameDecoder()
        proxy.logFault("link \(link.identifier) of guest \(link.guestName) is cut: \(reason)", of: link.guestName)
        link.close(reason)
    }

    private func obey(_ frame: Frame) throws(ProtocolError) {
        switch frame.type {
        case .accepted: break
        case .refused:
            let reason = proxy.configuration.limits.cleaned(frame.text)
            proxy.logFault("guest \(link.guestName) does not report its boot: \(reason)", of: link.guestName)
        case .step: proxy.report(try StepReport(decoding: frame.payload), of: link.guestName)
        case .boot: proxy.report(try BootReport(decoding: frame.payload), of: link.guestName)
        case .agent: proxy.report(try AgentReport(decoding: frame.payload), of: link.guestName)
        default: throw .unexpectedFrame(frame.type.rawValue)
        }
    }

    func streamFinished() {}
    func streamLost(_ reason: String) { stream = nil }
    func streamWritable() {}

    /// At most a window, which the link has in any case.
    var heldBytes: Int { 0 }
    func cutOff() {}
}
