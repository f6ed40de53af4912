import Testing
import VirtualMachine

@Suite struct ShellWordsTests {
    @Test(arguments: [
        ("", []), ("  \t ", []), ("-vga std", ["-vga", "std"]), ("a'b c'd", ["ab cd"]), ("''", [""]), ("\"\" x", ["", "x"]),
        ("\"a\\\"b\" 'c\\d'", ["a\"b", "c\\d"]), ("a\\ b", ["a b"]), ("\"\\x$HOME\"", ["\\x$HOME"]), ("a\nb", ["a", "b"]),
    ])
    func aLineSplitsAsTheShellSplitsIt(line: String, words: [String]) throws {
        #expect(try ShellWords.split(line) == words)
    }

    @Test(arguments: ["'", "a \"b", "x\\", "\"\\"])
    func anUnfinishedLineIsAnError(line: String) {
        #expect(throws: ShellWords.SyntaxError.self) { try ShellWords.split(line) }
    }

    @Test(arguments: [["plain", "/a-b_c.d"], ["", " ", "it's", "\"", "\\", "$x", "a\nb", "ü", "*"], []])
    func quotedWordsSplitIntoThemselves(words: [String]) throws {
        #expect(try ShellWords.split(ShellWords.quoted(words)) == words)
    }

    @Test func theVariablesOf2010AreHonoured() throws {
        var machine = MachineDescription(
            name: "a", kernel: "/k", kernelParameters: ["quiet"], network: .init(extraOptions: "hostname=a"),
            extraOptions: ["-s"], runtimeDirectory: "/r")
        let environment = try QEMUEnvironment([
            "QEMU_OPTS": "-vga 'std x'", "QEMU_NET_OPTS": "hostfwd=tcp::2222-:22", "QEMU_KERNEL_PARAMS": "debug a=\"b  c\"",
        ])
        environment.apply(to: &machine)
        #expect(machine.extraOptions == ["-s", "-vga", "std x"])
        #expect(machine.network.extraOptions == "hostname=a,hostfwd=tcp::2222-:22")
        #expect(machine.kernelParameters == ["quiet", "debug a=\"b  c\""])
    }

    @Test func aBrokenVariableIsNamed() {
        #expect(throws: QEMUEnvironment.InvalidVariable(name: "QEMU_OPTS", reason: .unclosedQuote("'", line: "-x 'y"))) {
            try QEMUEnvironment(["QEMU_OPTS": "-x 'y"])
        }
    }
}
