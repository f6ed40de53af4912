import AgentProtocol
import ProxyClient
import Testing

@Suite struct ForwardParsingTests {
    static func unix(_ path: String) -> ConnectTarget { .unix(path: Array(path.utf8)) }

    static let forwards: [(String, Forward)] = [
        ("80", .init(host: .port(0), target: .tcp(address: nil, port: 80))),
        ("0:80", .init(host: .port(0), target: .tcp(address: nil, port: 80))),
        ("8080:80", .init(host: .port(8080), target: .tcp(address: nil, port: 80))),
        ("8080:10.0.2.2:80", .init(host: .port(8080), target: .tcp(address: "10.0.2.2", port: 80))),
        ("10.0.2.2:80", .init(host: .port(0), target: .tcp(address: "10.0.2.2", port: 80))),
        ("localhost:80", .init(host: .port(0), target: .tcp(address: nil, port: 80))),
        ("[fd00::2]:80", .init(host: .port(0), target: .tcp(address: "fd00::2", port: 80))),
        ("8080:[fd00::2]:80", .init(host: .port(8080), target: .tcp(address: "fd00::2", port: 80))),
        ("8080:/run/guest.sock", .init(host: .port(8080), target: unix("/run/guest.sock"))),
        ("/run/guest.sock", .init(host: .port(0), target: unix("/run/guest.sock"))),
        ("@name", .init(host: .port(0), target: unix("@name"))),
        ("./host.sock:/run/guest.sock", .init(host: .socket(path: "./host.sock"), target: unix("/run/guest.sock"))),
        ("/tmp/host.sock:80", .init(host: .socket(path: "/tmp/host.sock"), target: .tcp(address: nil, port: 80))),
        ("./host.sock:/run/a:b", .init(host: .socket(path: "./host.sock"), target: unix("/run/a:b"))),
    ]

    @Test(arguments: forwards) func aForwardIsRead(text: String, forward: Forward) throws {
        #expect(try Forward(parsing: text) == forward)
    }

    @Test(arguments: [
        "", ":", "80:", ":80", "70000", "70000:80", "8080:0", "a:80", "8080:example.org:80", "./guest.sock", "80:./guest.sock",
        "./host.sock:",
        "8080:80:90", "::1:80", "8080:::1:80",
    ])
    func whatIsNoForwardIsRefused(text: String) {
        #expect(throws: ConnectTarget.Fault.self) { try Forward(parsing: text) }
    }
}
