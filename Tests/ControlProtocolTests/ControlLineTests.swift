import ControlProtocol
import Testing

@Suite struct ControlLineTests {
    @Test(arguments: [
        ControlRequest.connect(guest: "vm", service: "connect:unix:/a%20b", now: false),
        .connect(guest: "vm", service: "shell", now: true), .logs(guest: "test1", follow: false), .logs(guest: "test1", follow: true),
        .watch(guest: "a.b"), .status, .guest(name: "vm", token: [1, 255]),
    ])
    func aRequestSurvivesItsLine(request: ControlRequest) throws {
        #expect(try ControlRequest(line: request.line) == request)
    }

    @Test(arguments: [
        "", "LOGS", "LOGS a b", "LOGS a follow now", "LOGS ../x", "WATCH", "WATCH a b", "WATCH ", "CONNECT vm", "CONNECT vm  now",
        "CONNECT vm shell later", "CONNECT vm connect:unix:/a b c", "CONNECT vm \u{7F}", "CONNECT vm é", "logs vm",
    ])
    func whatIsNoRequestIsRefusedWithAReason(line: String) {
        #expect(throws: ControlRequest.Fault.self) { try ControlRequest(line: line) }
    }

    @Test(arguments: [
        ("GUEST vm", "usage: GUEST NAME TOKEN"), ("LOGS", "usage: LOGS NAME [follow]"), ("WATCH", "usage: WATCH NAME"),
        ("CONNECT vm", "usage: CONNECT NAME SERVICE [now]"), ("CONNECT vm é", "that is no service: it may have visible ASCII"),
        ("WATCH ../x", "'../x' is no guest's name: it must begin with"),
        ("GUEST vm xyz", "the token must be hexadecimal, at most 128 bytes, or -"),
        ("HELP", "no such request; there are CONNECT, GUEST, LOGS, STATUS and WATCH"),
    ])
    func theReasonSaysWhatIsRight(line: String, reason: String) throws {
        let fault = try #require(throws: ControlRequest.Fault.self) { try ControlRequest(line: line) }
        #expect(fault.text.contains(reason), "\(fault.text)")
    }

    @Test func aServiceHasAtMostFourHundredBytes() throws {
        let longest = String(repeating: "s", count: 400)
        _ = try ControlRequest(line: "CONNECT vm \(longest)")
        #expect(throws: ControlRequest.Fault.self) { try ControlRequest(line: "CONNECT vm \(longest)s") }
    }

    @Test(arguments: [GuestRequest.bye, .process(77), .console(""), .console("a  line: with 'all' in it")])
    func aLaunchersRequestSurvivesItsLine(request: GuestRequest) {
        #expect(GuestRequest(line: request.line) == request)
    }

    @Test(arguments: [
        LogLine.console("[    0.5] text"), .lost(4096),
        .step(StepStatus(index: 3, name: "mount-root", state: .succeeded, startMicroseconds: 1, endMicroseconds: 2, detail: "a \"b\"\n")),
        .state(.init(state: .ready, detail: "init is running", microseconds: 1 << 50)),
    ])
    func aLogLineSurvivesItsLine(line: LogLine) {
        #expect(!line.line.contains("\n"))
        #expect(LogLine(line: line.line) == line)
    }

    @Test(arguments: ["", "STEP", "STEP {}", "STATE []", "LOST many", "NEWS of a later version"])
    func aLineOfNoKnownKindIsPassedOver(line: String) {
        #expect(LogLine(line: line) == nil)
    }
}
