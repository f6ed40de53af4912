import AgentProtocol
import Testing

@testable import ProxyClient

@Suite struct ExecConversationTests {
    static let echo = Command(arguments: [Array("echo".utf8)])

    static let start = SessionStart(process: 9, session: 1, isTerminal: false, isWriter: true)

    /// The frames that wait for the guest; takes them.
    static func sent(_ conversation: inout ExecConversation) throws -> [Frame] {
        var decoder = FrameDecoder()
        while !conversation.outgoing.isEmpty {
            conversation.outgoing.consume(upTo: 7) {
                decoder.append($0)
                return $0.count
            }
        }
        var frames: [Frame] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }

    @Test func theCommandIsTheFirstFrame() throws {
        var conversation = ExecConversation(Self.echo)
        conversation.signal(15)
        let frames = try Self.sent(&conversation)
        #expect(frames == [Frame(.command, Self.echo.encoded()[...]), Frame(.signal, [15])])
    }

    @Test func inputBecomesFramesThatLeaveRoomInTheWindow() throws {
        var conversation = ExecConversation(Self.echo)
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        conversation.input(bytes[...])
        conversation.input([])
        let frames = try Self.sent(&conversation).dropFirst()
        #expect(frames.dropLast().allSatisfy { $0.type == .standardInput && $0.payload.count <= Frame.preferredDataLength })
        #expect(frames.dropLast().flatMap(\.payload) == bytes)
        #expect(frames.last == Frame(.endOfInput))
    }

    @Test func inputEndsOnce() throws {
        var conversation = ExecConversation(Self.echo)
        conversation.input([])
        conversation.input([1])
        conversation.input([])
        #expect(try Self.sent(&conversation).map(\.type) == [.command, .endOfInput])
        #expect(conversation.inputRoom == 0)
    }

    @Test func aCommandWithoutInputIsSentNone() throws {
        var conversation = ExecConversation(Command(arguments: [[65]], wantsInput: false))
        #expect(conversation.inputRoom == 0)
        conversation.input([1])
        #expect(try Self.sent(&conversation).map(\.type) == [.command])
    }

    @Test func inputIsNotReadWhileTheGuestDoesNotTakeIt() throws {
        var conversation = ExecConversation(Self.echo)
        var accepted = 0
        while conversation.inputRoom > 0, accepted < 10 << 20 {
            let chunk = [UInt8](repeating: 7, count: min(32 << 10, conversation.inputRoom))
            conversation.input(chunk[...])
            accepted += chunk.count
        }
        #expect(accepted == InputAllowance.initial)
        _ = try Self.sent(&conversation)
        #expect(conversation.inputRoom == 0)
        try conversation.receive(Frame(.inputTaken, InputAllowance.encoded(5000)[...]).encoded())
        #expect(conversation.inputRoom == 5000)
    }

    @Test(arguments: [FrameType.standardOutput, .standardError])
    func theGuestIsNotReadWhileNobodyTakesItsOutput(type: FrameType) throws {
        var conversation = ExecConversation(Self.echo)
        let frame = Frame(type, ArraySlice(repeating: 7, count: 32 << 10)).encoded()
        var taken = 0
        while conversation.acceptsOutput, taken < 10 << 20 {
            try conversation.receive(frame)
            taken += frame.count
        }
        #expect(taken <= ExecConversation.outputLimit + 2 * frame.count)
        conversation.standardOutput.removeAll()
        conversation.standardError.removeAll()
        #expect(conversation.acceptsOutput)
    }

    @Test func outputAndErrorStayApartHoweverTheBytesAreCut() throws {
        var conversation = ExecConversation(Self.echo)
        let bytes =
            Frame(.started, Self.start.encoded()[...]).encoded() + Frame(.standardOutput, [1, 2]).encoded()
            + Frame(.standardError, [3]).encoded() + Frame(.standardOutput, [4]).encoded()
            + Frame(.ended, AgentProtocol.ExitStatus.exited(3).encoded()[...]).encoded()
        for byte in bytes { try conversation.receive(CollectionOfOne(byte)) }
        #expect(conversation.status == .exited(3))
        #expect(!conversation.isDrained)
        var (output, error): ([UInt8], [UInt8]) = ([], [])
        conversation.standardOutput.consume(upTo: 99) {
            output += $0; return $0.count
        }
        conversation.standardError.consume(upTo: 99) {
            error += $0; return $0.count
        }
        #expect(output == [1, 2, 4])
        #expect(error == [3])
        #expect(conversation.isDrained)
    }

    @Test func nothingIsSentAfterTheCommandEnded() throws {
        var conversation = ExecConversation(Self.echo)
        try conversation.receive(Frame(.ended, AgentProtocol.ExitStatus.signaled(9).encoded()[...]).encoded())
        conversation.signal(2)
        #expect(conversation.inputRoom == 0)
        #expect(!conversation.acceptsOutput)
        #expect(try Self.sent(&conversation).map(\.type) == [.command])
    }

    @Test(arguments: [FrameType.open, .accepted, .command, .standardInput, .step])
    func aFrameThatIsNotTheAgentsIsRefused(type: FrameType) {
        var conversation = ExecConversation(Self.echo)
        #expect(throws: ProtocolError.unexpectedFrame(type.rawValue)) { try conversation.receive(Frame(type).encoded()) }
    }
}
