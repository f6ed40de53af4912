import Testing
import VirtualMachine

@Suite struct ConsoleTailTests {
    @Test func onlyTheLastLinesAreKept() {
        var tail = ConsoleTail(capacity: 2)
        #expect(tail.append(Array("one\r\ntwo\r\nthr".utf8)) == ["one", "two"])
        #expect(tail.append(Array("ee\r\n".utf8)) == ["three"])
        #expect(tail.lines == ["two", "three"])
    }

    @Test(arguments: [
        "\u{1B}c\u{1B}[?7l\u{1B}[2Jplain", "\u{1B}]0;title\u{07}plain", "pl\u{0}\u{8}ai\u{7F}n", "\u{1B}[35;1mplain\u{1B}[0m",
        "pl\u{9B}ain",
    ])
    func nothingThatCommandsATerminalIsKept(text: String) {
        var tail = ConsoleTail()
        tail.append(Array((text + "\n").utf8))
        #expect(tail.lines == ["plain"])
    }

    @Test func aLineIsBounded() {
        var tail = ConsoleTail()
        tail.append([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20))
        #expect(tail.finish()?.utf8.count == ConsoleTail.maximumLineLength)
    }

    @Test func anUnfinishedEscapeDoesNotHideTheNextLine() {
        var tail = ConsoleTail()
        tail.append(Array("a\u{1B}]\nKernel panic - not syncing: VFS\n".utf8))
        #expect(tail.failure == .panic("VFS"))
    }

    @Test(arguments: [
        (
            "[    1.0] Kernel panic - not syncing: No working init found.", ConsoleFailure.panic("No working init found."),
            "the guest's kernel panicked: No working init found."
        ),
        (
            "Out of memory: Killed process 7 (x)", .outOfMemory("Out of memory: Killed process 7 (x)"),
            "the guest has too little memory (use a larger --memory): Out of memory: Killed process 7 (x)"
        ),
        (" -- System halted", .bootFailed(" -- System halted"), "the guest's kernel cannot start:  -- System halted"),
    ])
    func theKernelsLastWordsAreRecognised(line: String, failure: ConsoleFailure, text: String) {
        var tail = ConsoleTail()
        tail.append(Array("before\n\(line)\nend Kernel panic - not syncing: second\n".utf8))
        #expect(tail.failure == failure)
        #expect(tail.failure?.description == text)
    }
}
