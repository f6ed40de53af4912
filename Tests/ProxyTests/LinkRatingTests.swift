import AgentProtocol
import Testing

@testable import Proxy

@Suite struct LinkRatingTests {
    /// The worst first.
    private let links = [
        LinkRating(isHealthy: true, transport: .virtioSerial, roundTrip: 10, identifier: 10, takesStreams: false),
        LinkRating(isHealthy: false, transport: .guestForward, roundTrip: 10, identifier: 9),
        LinkRating(isHealthy: false, transport: .virtioSerial, roundTrip: 10, identifier: 8),
        LinkRating(isHealthy: true, transport: .guestForward, roundTrip: nil, identifier: 7),
        LinkRating(isHealthy: true, transport: .guestForward, roundTrip: 10, identifier: 6),
        LinkRating(isHealthy: true, transport: .vsock, roundTrip: nil, identifier: 5),
        LinkRating(isHealthy: true, transport: .vsock, roundTrip: 900, identifier: 4),
        LinkRating(isHealthy: true, transport: .virtioSerial, roundTrip: 250, identifier: 1),
        LinkRating(isHealthy: true, transport: .virtioSerial, roundTrip: 130, identifier: 2),
    ]

    @Test func aLinkThatAnswersGoesBeforeAFasterOneThatDoesNot() {
        for (place, link) in links.enumerated() {
            for better in links[(place + 1)...] {
                #expect(link < better)
                #expect(!(better < link))
            }
        }
    }
}
