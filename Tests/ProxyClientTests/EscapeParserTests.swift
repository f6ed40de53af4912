import Testing

@testable import ProxyClient

@Suite struct EscapeParserTests {
    static func parse(_ typed: String, canDetach: Bool = true) -> [EscapeParser.Action] {
        var parser = EscapeParser(canDetach: canDetach)
        return parser.parse(Array(typed.utf8)[...])
    }

    static func send(_ text: String) -> EscapeParser.Action { .send(Array(text.utf8)) }

    @Test(arguments: ["~.", "ls\r~.", "ls\n~.", "~?~.", "~~\r~."]) func aTildeAndADotAtTheBeginningOfALineLeave(typed: String) {
        #expect(Self.parse(typed).last == .leave)
    }

    @Test(arguments: ["a~.", " ~.", "~~.", "~~~.", "cd ~\r.", "~a~."]) func aTildeElsewhereIsAnOrdinaryCharacter(typed: String) {
        #expect(!Self.parse(typed).contains(.leave))
    }

    @Test func twoTildesSendOne() {
        #expect(Self.parse("~~x") == [Self.send("~x")])
        #expect(Self.parse("a\r~~\r") == [Self.send("a\r~\r")])
    }

    @Test func aTildeBeforeAnotherCharacterIsSentWithIt() {
        #expect(Self.parse("~/bin\r") == [Self.send("~/bin\r")])
        #expect(Self.parse("~\r~.") == [Self.send("~\r"), .leave])
    }

    @Test func whatWasTypedBeforeAnEscapeIsSentAndWhatComesAfterLeavingIsNot() {
        #expect(Self.parse("ls\r~.rm\r") == [Self.send("ls\r"), .leave])
        #expect(Self.parse("ls\r~?pwd\r") == [Self.send("ls\r"), .help, Self.send("pwd\r")])
    }

    @Test func detachingIsOnlyWhereThereIsSomethingToDetachFrom() {
        #expect(Self.parse("~d") == [.detach])
        #expect(Self.parse("~d", canDetach: false) == [Self.send("~d")])
    }

    @Test func controlZAfterATildeSuspends() {
        #expect(Self.parse("~\u{1A}") == [.suspend])
        #expect(Self.parse("\u{1A}") == [Self.send("\u{1A}")])
    }

    /// A terminal gives one key at a time, a paste many.
    @Test func itDoesNotMatterHowTheBytesAreCut() {
        let typed = Array("echo ~.\r~~.\r~?ls ~d\r~x\r~\u{1A}\r~.".utf8)
        var (whole, cut) = (EscapeParser(canDetach: true), EscapeParser(canDetach: true))
        let actions = typed.flatMap { cut.parse([$0]) }
        var joined: [EscapeParser.Action] = []
        for action in actions {
            if case .send(let more) = action, case .send(let before)? = joined.last {
                joined[joined.count - 1] = .send(before + more)
            } else {
                joined.append(action)
            }
        }
        #expect(joined == whole.parse(typed[...]))
    }
}
