import CLinux
import HostTools
import Testing

@testable import LinuxSystem

@Suite struct NetworkTests {
    static let loopback = IPv4Address(127, 0, 0, 1)

    @Test func addressesAreWrittenAsPeopleWriteThem() {
        #expect(IPv4Address(10, 0, 2, 15).text == "10.0.2.15")
        #expect(IPv4Address(255, 255, 255, 255).text == "255.255.255.255")
        #expect(IPv4Address(0, 0, 0, 0).text == "0.0.0.0")
        #expect(IPv4Address(10, 0, 2, 15).bits == 0x0A00_020F)
    }

    @Test func aConnectionThatNobodyTakesSaysSo() throws {
        // Nothing listens on port 1 of the loopback interface (tcpmux) on any machine of today.
        let (socket, inProgress) = try Network.connect(NetworkTests.loopback, port: 1)
        defer { socket.close() }
        #expect(inProgress)
        let poll = try EventPoll()
        try poll.add(socket, .writable, key: 1)
        #expect(poll.wait(milliseconds: 60_000).count == 1)
        #expect(Network.connectionError(of: socket) == Errno(ECONNREFUSED))
    }

    @Test func anInterfaceThatIsNotThereCannotBeConfigured() {
        #expect(throws: Errno(ENODEV)) { try Network.configure("no-such-if0", NetworkTests.loopback, prefix: 8) }
    }
}
