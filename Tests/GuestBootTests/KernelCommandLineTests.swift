import HostTools
import Testing

@testable import GuestBoot

@Suite struct KernelCommandLineTests {
    @Test func wordsEndAtWhiteSpaceOfEveryKind() {
        let line = KernelCommandLine("  quiet\tinit=/init\n\u{0B}a=1\r\n")
        #expect(line.parameters.map(\.name) == ["quiet", "init", "a"])
        #expect(line.parameters.map(\.value) == [nil, "/init", "1"])
    }

    @Test(arguments: ["", " ", "\n", "\t \t"]) func anEmptyLineHasNoParameters(_ text: String) {
        #expect(KernelCommandLine(text).parameters.isEmpty)
    }

    @Test(arguments: [#"name="a  b""#, #""name=a  b""#]) func quotesKeepWhiteSpaceTogetherAroundValueOrWord(_ text: String) {
        let line = KernelCommandLine("x \(text) y")
        #expect(line.parameters.map(\.name) == ["x", "name", "y"])
        #expect(line.value("name") == "a  b")
    }

    @Test func onlyTheFirstEqualsSignDivides() {
        #expect(KernelCommandLine("root=UUID=12=34").value("root") == "UUID=12=34")
        #expect(KernelCommandLine("name=").value("name") == "")
        #expect(KernelCommandLine("name").value("name") == nil)
    }

    @Test func theLastValueCountsAndAllCanBeHad() {
        let line = KernelCommandLine("init=/a vm.share=a:/a init=/b vm.share=b:/b vm.share init")
        #expect(line.value("init") == "/b")
        #expect(line.values("vm.share") == ["a:/a", "b:/b"])
        #expect(line.values("absent").isEmpty)
    }

    @Test(arguments: ["f", "f=1", "f=yes", "f=true", "f=0 f", "f=no f=1"]) func aFlagIsUp(_ text: String) {
        #expect(KernelCommandLine(text).flag("f"))
    }

    @Test(arguments: ["", "f=0", "f=no", "f=", "f=TRUE", "f f=0", "ff", "f.x=1", "f=11"]) func aFlagIsDown(_ text: String) {
        #expect(!KernelCommandLine(text).flag("f"))
    }

    @Test func aDashInANameIsTheSameAsAnUnderscoreAsForTheKernel() {
        // lib/cmdline.c leaves names alone, kernel/params.c compares them with `parameq`.
        #expect(KernelCommandLine("vm.writable_store").flag("vm.writable-store"))
        #expect(KernelCommandLine("vm.on_failure=reboot vm.on-failure=panic").value("vm.on-failure") == "panic")
        #expect(KernelCommandLine("vm.nix-store=/a-b_c").value("vm.nix_store") == "/a-b_c")
    }

    @Test func aLineAsLongAsAKernelTakesIsReadWhole() {
        let words = (0..<256).map { "w\($0 % 10)=\(String(repeating: "x", count: 12))" }
        let line = words.joined(separator: " ")
        #expect(line.utf8.count == 256 * 16 - 1)
        let parsed = KernelCommandLine(line)
        #expect(parsed.parameters.count == 256)
        #expect(parsed.parameters.allSatisfy { $0.value == String(repeating: "x", count: 12) })
        let one = "init=/" + String(repeating: "a", count: 4090)
        #expect(KernelCommandLine(one).value("init")?.utf8.count == 4091)
        #expect(KernelCommandLine(String(repeating: "\"", count: 4096)).parameters.allSatisfy { $0.value == nil })
    }

    @Test func aNameOfAnyLanguageSurvives() {
        #expect(KernelCommandLine("init=/système/à/init a=\u{1F600}").value("init") == "/système/à/init")
    }

    /// What Linux 6.1 makes of a line: `next_arg` itself was run on each.
    static let asTheKernel: [(line: String, words: [[String]])] = [
        (#"a=b"c d"e f"#, [["a", #"b"c d"e"#], ["f"]]), (#"a="b"c d"#, [["a", #"b"c"#], ["d"]]), (#"a="b c"#, [["a", "b c"]]),
        (#"a=""#, [["a", ""]]), (#"a="" b"#, [["a", ""], ["b"]]), (#""" b"#, [["b"]]), (#"" a b""#, [[" a b"]]),
        (#""a=b"#, [["a", "b"]]), (#""a="b c" d""#, [["a", "b"], [#"c" d""#]]), ("=a=b", [["=a", "b"]]), ("=", [["="]]),
        ("==", [["=", ""]]), (#"="a b""#, [[#"="a b""#]]), (#"a"b c"d=e"#, [[#"a"b c"d"#, "e"]]), (#""a b"=c"#, [[#"a b""#, "c"]]),
        (#"a "b"c" d"#, [["a"], [#"b"c" d"#]]), (#"a=b" c"#, [["a", #"b" c"#]]), (#""a"b c""#, [[#"a"b"#], [#"c""#]]),
        (#"a=b=c "d=e=f g""#, [["a", "b=c"], ["d", "e=f g"]]), ("a\"", [["a\""]]), ("\"", []), ("\"\"\"", [["\""]]),
        (#"a=""b"#, [["a", "\"b"]]),
        (#"dyndbg="file a.c +p; file b.c +p" quiet"#, [["dyndbg", "file a.c +p; file b.c +p"], ["quiet"]]),
    ]

    @Test(arguments: asTheKernel) func aWordIsWhatTheKernelMakesOfIt(_ line: String, _ words: [[String]]) {
        #expect(KernelCommandLine(line).parameters.map { [$0.name] + ($0.value.map { [$0] } ?? []) } == words)
    }

    @Test(arguments: 0..<20) func randomLinesKeepTheirOrderAndGainNoByte(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("ab=\" \t-_.é")
        for _ in 0..<200 {
            let line = String((0..<Int.random(in: 0...24, using: &random)).compactMap { _ in alphabet.randomElement(using: &random) })
            var rest = Array(line.utf8)[...]
            for parameter in KernelCommandLine(line).parameters {
                #expect(!parameter.name.isEmpty)
                for byte in Array(parameter.name.utf8) + Array((parameter.value ?? "").utf8) {
                    guard let place = rest.firstIndex(of: byte) else {
                        Issue.record("\(line): \(parameter) is not in it")
                        return
                    }
                    rest = rest[(place + 1)...]
                }
            }
        }
    }
}
