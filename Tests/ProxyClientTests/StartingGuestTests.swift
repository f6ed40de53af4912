import ControlProtocol
import Glibc
import LinuxSystem
import Testing

@testable import ProxyClient

/// What a client waits for a moment, because a `vm run` may be starting the guest.
@Suite struct StartingGuestTests {
    @Test func whatAStartingGuestExplainsIsTriedAgain() {
        let refusal = ControlSocket.unknownGuestReason("early") + "; there are: none"
        for error: ProxyClientError in [
            .noProxy(path: "/x/vm-proxy.socket", Errno(ENOENT)), .noProxy(path: "/x/vm-proxy.socket", Errno(ECONNREFUSED)),
            .noSuchGuest(name: "early", directory: "/x", known: []), .proxyGone(directory: "/x", during: "its answer was awaited"),
            // The guest may have come between this answer and the question which guests there are.
            .refused(request: "cannot use exec of guest 'early'", reason: refusal),
            .refused(request: "cannot use exec of guest 'early'", reason: ControlSocket.endingReason),
        ] { #expect(error.mayBeStarting("early"), "\(error)") }
    }

    @Test func whatWillNotChangeIsSaidAtOnce() {
        for error: ProxyClientError in [
            .noProxy(path: "/x/vm-proxy.socket", Errno(EACCES)),
            .refused(request: "cannot use exec of guest 'early'", reason: "it has no agent"),
            .refused(request: "cannot use exec of guest 'early'", reason: ControlSocket.unknownGuestReason("other")),
            .malformedReply("HTTP/1.1"),
        ] { #expect(!error.mayBeStarting("early"), "\(error)") }
    }
}
