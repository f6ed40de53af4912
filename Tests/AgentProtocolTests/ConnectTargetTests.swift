import AgentProtocol
import Testing

@Suite struct ConnectTargetTests {
    static func unix(_ path: String) -> ConnectTarget { .unix(path: Array(path.utf8)) }

    static let targets: [(String, ConnectTarget)] = [
        ("tcp:80", .tcp(address: nil, port: 80)), ("tcp:localhost:65535", .tcp(address: nil, port: 65535)),
        ("tcp:10.0.2.2:1", .tcp(address: "10.0.2.2", port: 1)), ("tcp:[::1]:80", .tcp(address: "::1", port: 80)),
        ("unix:/run/a.sock", unix("/run/a.sock")), ("unix:/run/a%20b%25", unix("/run/a b%")), ("unix:/%ff", .unix(path: [47, 255])),
        ("unix:/run/with:colon", unix("/run/with:colon")), ("unix:@name%00x", unix("@name\0x")),
    ]

    @Test(arguments: targets)
    func aTargetIsRead(text: String, target: ConnectTarget) throws {
        #expect(try ConnectTarget(text) == target)
    }

    @Test(arguments: [
        "", "tcp", "tcp:", "tcp:0", "tcp:65536", "tcp:99999999999999999999", "tcp:8x", "tcp:-1", "tcp:+1", "tcp: 1", "tcp::80", "tcp:[]:80",
        "tcp:::1:80", "tcp:[::1]", "tcp:10.0.2.2:", "udp:53", "unix:", "unix:relative", "unix:/", "unix:@", "unix:/a%", "unix:/a%2",
        "unix:/a%zz", "unix:/a%00b",
    ])
    func whatIsNoTargetIsRefusedWithAReason(text: String) {
        #expect(throws: ConnectTarget.Fault.self) { try ConnectTarget(text) }
    }

    @Test func aPathMayBeAsLongAsASocketsAndNoLonger() throws {
        let longest = "/" + String(repeating: "a", count: ConnectTarget.maximumPathLength - 1)
        #expect(try ConnectTarget("unix:\(longest)") == .unix(path: Array(longest.utf8)))
        #expect(throws: ConnectTarget.Fault(text: "the socket's path has 108 bytes, and a socket's may have 107")) {
            try ConnectTarget("unix:\(longest)a")
        }
    }

    /// The service's name is one word of visible ASCII, whatever bytes a path has, and short enough for a request line.
    @Test func aServicesNameSurvivesTheWayToTheAgent() throws {
        let path = [UInt8(ascii: "/")] + (1...106).map { UInt8($0 * 2 % 255 + 1) }
        for target in [ConnectTarget.unix(path: path), .tcp(address: nil, port: 7), .tcp(address: "fd00::1", port: 65535)] {
            let service = target.service
            #expect(service.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
            #expect(service.utf8.count <= 400)
            #expect(try ConnectTarget(String(service.dropFirst("connect:".count))) == target)
        }
    }
}

@Suite struct AgentReportTests {
    static let report = AgentReport(uptime: 1 << 40, memory: 1344, sessions: 3, connections: 200, links: 2)

    @Test func aReportSurvivesItsEncoding() throws {
        #expect(try AgentReport(decoding: Self.report.encoded()[...]) == Self.report)
        #expect(try AgentReport(decoding: (Self.report.encoded() + [1, 2, 3])[...]) == Self.report)
    }

    @Test func everyShorterPayloadIsTruncated() {
        let bytes = Self.report.encoded()
        for count in 0..<bytes.count {
            #expect(throws: ProtocolError.truncated) { try AgentReport(decoding: bytes[..<count]) }
        }
    }

    @Test func theTextIsAWordAndANumberALine() {
        #expect(
            Self.report.text == "uptime-microseconds 1099511627776\nmemory-kib 1344\nsessions 3\nconnections 200\nlinks 2\n")
    }
}
