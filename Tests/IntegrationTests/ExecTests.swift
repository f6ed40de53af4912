import ControlProtocol
import Foundation
import Testing

/// `vm exec`, in a guest that has nothing but the initrd's tools: an empty root, no init, the agent is PID 1.
@Suite(.machine("--store", "none"), .tellsStory) struct ExecTests {
    // MARK: Ends

    @Test(arguments: [
        ("exit 0", 0), ("exit 3", 3), ("exit 127", 127), ("no-such-program-here", 127), ("kill -9 $$", 137), ("kill -TERM $$", 143),
    ])
    func aCommandsEndIsTheExitCode(script: String, code: Int) async throws {
        #expect(try await Machine.shared.sh(script).code == code)
    }

    @Test func aCommandThatIsNotThereIs127AndSaysSo() async throws {
        let result = try await Machine.shared.exec(["no-such-program"])
        #expect(result.code == 127)
        #expect(result.errors == "vm: no-such-program: command not found in the guest\n")
    }

    // MARK: Bytes

    static let mebibyte: [UInt8] = (0..<1 << 20).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 11) }

    @Test func aMebibyteGoesInAndOutByteForByte() async throws {
        let result = try await Machine.shared.exec(["cat"], input: Self.mebibyte)
        #expect(result.code == 0)
        // Compared first: a failed expectation would look for the difference of two mebibytes for hours.
        let isTheSame = result.output == Self.mebibyte
        #expect(isTheSame, "\(result.output.count) bytes came back")
        #expect(result.errors == "")
    }

    @Test func outputAndErrorsAreApartAndBothWhole() async throws {
        let machine = try Machine.shared
        // Both are counted by the host's own tools: what arrives is what was written.
        let script = """
            "\(Checkout.vm)" exec \(machine.name) -- sh -c 'tee /dev/stderr' < "$0" > out 2> err
            sha256sum < "$0"; sha256sum < out; sha256sum < err
            """
        let input = try machine.directory.privateFile("mebibyte", Self.mebibyte)
        let sums = try await machine.directory.script(script, argument: input).lines
        #expect(sums.count == 3 && Set(sums).count == 1, "\(sums)")
    }

    /// A stream that is not there, or that takes nothing, is not another one, and does not hide the loss.
    @Test func outputThatCannotBeWrittenIsAnError() async throws {
        let machine = try Machine.shared
        let command = "\"\(Checkout.vm)\" exec \(machine.name) -- sh -c 'echo out; echo err >&2; exit 3'"
        let script = """
            \(command) >&- 2>/dev/null || echo "closed $?"
            \(command) >/dev/full 2>full || echo "full $?"
            "\(Checkout.vm)" exec \(machine.name) -- sh -c 'echo err >&2; sleep 1; echo the rest' 2>/dev/full || echo "errors full $?"
            "\(Checkout.vm)" ps >/dev/full 2>ps || echo "ps $?"
            cat full ps
            """
        let text = try await machine.directory.script(script).text
        let full = "cannot write standard output: No space left on device"
        #expect(text.hasPrefix("closed 3\nfull 255\nthe rest\nerrors full 255\nps 255\n"), "\(text)")
        #expect(text.components(separatedBy: "vm: \(full)").count == 3, "\(text)")
        #expect(text.contains("; some of the command's output is lost\n"), "\(text)")
    }

    @Test func theEndOfInputReachesTheCommand() async throws {
        let machine = try Machine.shared
        #expect(try await machine.exec(["wc", "-c"], input: Array("12345".utf8)).text == "5\n")
        #expect(try await machine.exec(["wc", "-c"]).text == "0\n")
        // With --no-input the host's bytes stay where they are.
        #expect(try await machine.exec(["wc", "-c"], input: Array("12345".utf8), options: ["--no-input"]).text == "0\n")
    }

    @Test func argumentsArriveAsTheyWereGiven() async throws {
        let arguments = ["two words", "$HOME", "", "*", "a'b\"c\\", "ü", "-n", "line\nfeed"]
        let result = try await Machine.shared.exec(["printf", "[%s]"] + arguments)
        #expect(result.text == arguments.map { "[\($0)]" }.joined())
    }

    // MARK: PID 1

    @Test func theAgentStaysPID1AndReapsOrphans() async throws {
        let machine = try Machine.shared
        #expect(try await machine.output(of: "cat /proc/1/comm") == "init")
        #expect(try await machine.output(of: "readlink /proc/1/exe").hasPrefix("/init"))
        // The shell in between ends at once, so that its child is an orphan while it runs and when it ends.
        let orphan = try await machine.output(of: "sh -c 'sleep 0.1 > /dev/null 2>&1 & echo $!'")
        #expect(Int(orphan) != nil)
        try await eventually("process \(orphan) of the guest to be reaped") { try await machine.sh("test -e /proc/\(orphan)").code == 1 }
    }

    @Test func theToolsAreThereInAnEmptyRoot() async throws {
        let machine = try Machine.shared
        #expect(try await machine.output(of: "ls /") == "boot\ndev\nlost+found\nproc\nroot\nrun\nsys\ntmp")
        #expect(try await machine.output(of: "echo $PATH").hasSuffix("/run/vm-agent/bin"))
        #expect(try await machine.socat("pwd; id -u; readlink /proc/$$/exe\n").lines == ["/root", "0", "/run/vm-agent/bin/busybox"])
    }

    // MARK: What another VM may not do

    @Test func aDiskInUseIsRefusedAndItsOwnerNamed() async throws {
        let machine = try Machine.shared
        let other = try VMDirectory()
        let result = try await other.vmRun(["--store", "none", "--disk", machine.disk], command: ["true"], name: "other").run()
        #expect(result.code == 255)
        let process = try #require(try await machine.status()?.pid)
        #expect(result.errors.contains("the disk \(machine.disk) is in use by qemu-system-x86 (process \(process)): "), "\(result)")
        #expect(result.errors.contains("end that first, or give another --disk"), "\(result)")
        await other.expectNothingLeft()
    }

    @Test func aNameInUseIsRefusedAndItsOwnerLivesOn() async throws {
        let machine = try Machine.shared
        let result = try await machine.directory.vmRun(["--store", "none", "--ephemeral"], command: ["true"], name: machine.name).run()
        #expect(result.code == 255)
        #expect(result.errors.contains("there is a guest 'guest' in this directory already"), "\(result)")
        let after = try await machine.exec(["true"])
        #expect(after.code == 0, "\(after)")
    }

    @Test func aMisspelledNameIsRefusedWithTheRightOne() async throws {
        let machine = try Machine.shared
        for command in [["exec", "gesut", "--", "true"], ["down", "gesut"], ["ps", "gesut"]] {
            let result = try await machine.directory.vm(command).run()
            #expect(result.code == 255, "\(command): \(result)")
            #expect(result.errors.contains("gesut") && result.errors.contains("guest"), "\(command): \(result)")
            #expect(result.errors.split(separator: "\n").count == 1, "\(command): \(result)")
        }
    }
}
