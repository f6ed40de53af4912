import AgentProtocol
import CLinux
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite(.timeLimit(.minutes(2)), .serialized) struct ExecTests {
    /// Whether a process of this number runs; a zombie does not.
    static func runs(_ process: Int) -> Bool {
        guard let stat = try? Files.readLine("/proc/\(process)/stat"), let name = stat.lastIndex(of: ")") else { return false }
        return stat[name...].dropFirst(2).first != "Z"
    }

    @Test func outputErrorsAndExitCodeComeApartAndInFull() throws {
        let guest = try Guest()
        let client = try guest.shell("head -c 700000 /dev/zero; head -c 300000 /dev/zero >&2; echo end; exit 3")
        try guest.run { client.isFinished }
        #expect(client.payload(of: .standardOutput) == [UInt8](repeating: 0, count: 700_000) + Array("end\n".utf8))
        #expect(client.payload(of: .standardError) == [UInt8](repeating: 0, count: 300_000))
        #expect(client.frames.last?.type == .ended)
        #expect(client.end == .exited(3))
    }

    @Test func deathBySignalIsTold() throws {
        let guest = try Guest()
        let client = try guest.shell("kill -9 $$")
        try guest.run { client.isFinished }
        #expect(client.end == .signaled(9))
    }

    @Test(arguments: [("nosuch", UInt8(127), "command not found"), ("/nosuch", 127, "No such file"), ("/etc/passwd", 126, "Permission")])
    func aProgramThatCannotBeRunIsToldFromOneThatFailed(name: String, code: UInt8, words: String) throws {
        let guest = try Guest()
        let client = try guest.exec(Command(arguments: [Array(name.utf8)]))
        try guest.run { client.isFinished }
        guard case .notStarted(code, let reason)? = client.end else {
            Issue.record("\(String(describing: client.end))")
            return
        }
        #expect(reason.contains(words) && reason.contains(name))
        #expect(try guest.sessions().isEmpty)
    }

    @Test func aFailedStartLeavesNoDescriptorOpen() throws {
        let guest = try Guest()
        let before = try FileDescriptor.open("/dev/null", .read)
        before.close()
        for _ in 0..<600 {
            let client = try guest.exec(Command(arguments: [Array("/proc/version".utf8)]))
            try guest.run { client.isFinished }
            guard case .notStarted(126, _)? = client.end else { throw Errno(EINVAL) }
        }
        let after = try FileDescriptor.open("/dev/null", .read)
        after.close()
        // Others' descriptors come and go beside these; one for each of 600 failures would not be overlooked.
        #expect(after.rawValue - before.rawValue < 600)
    }

    @Test func argumentsVariablesAndDirectoryAreBytes() throws {
        let guest = try Guest()
        let bytes: [UInt8] = [0xFF, 0x20, 0x27, 0x0A, 0x80]
        let client = try guest.exec(
            Command(
                arguments: [Array("sh".utf8), Array("-c".utf8), Array("printf '%s|%s|%s' \"$1\" \"$V\" \"$PWD\"".utf8), [], bytes],
                environment: [Array("V=".utf8) + bytes], workingDirectory: Array("/usr".utf8)))
        try guest.run { client.isFinished }
        #expect(client.payload(of: .standardOutput) == bytes + Array("|".utf8) + bytes + Array("|/usr".utf8))
    }

    @Test func aDirectoryThatIsNotThereIsNamed() throws {
        let guest = try Guest()
        let client = try guest.shell("true") { $0.workingDirectory = Array("/nosuch".utf8) }
        try guest.run { client.isFinished }
        guard case .notStarted(126, let reason)? = client.end else {
            Issue.record("\(String(describing: client.end))")
            return
        }
        #expect(reason.contains("cannot enter /nosuch"))
    }

    @Test func anOrphanThatHoldsTheOutputNeitherDelaysTheEndNorAddsToIt() throws {
        let guest = try Guest()
        let client = try guest.shell("(sleep 30; echo late) & echo $!")
        try guest.run { client.isFinished }
        #expect(client.end == .exited(0))
        let orphan = try #require(Int(client.output.split(separator: "\n")[0]))
        #expect(Self.runs(orphan))
        kill(pid_t(orphan), SIGKILL)
    }

    @Test func inputArrivesInFullAndItsEndToo() throws {
        let guest = try Guest()
        let client = try guest.shell("cat")
        let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        // As a client does: no more on the way than was allowed.
        var (sent, allowed) = (0, InputAllowance.initial)
        var seen = 0
        try guest.run {
            for frame in client.frames[seen...] where frame.type == .inputTaken { allowed += try InputAllowance.decode(frame.payload) }
            seen = client.frames.count
            while allowed > 0, sent < bytes.count {
                let piece = bytes[sent..<min(bytes.count, sent + min(allowed, Frame.preferredDataLength))]
                client.send(.standardInput, Array(piece))
                sent += piece.count
                allowed -= piece.count
                if sent == bytes.count { client.send(.endOfInput) }
            }
            return client.isFinished
        }
        #expect(client.payload(of: .standardOutput) == bytes)
        #expect(client.end == .exited(0))
    }

    @Test func aSignalPassesInputThatNobodyReads() throws {
        let guest = try Guest()
        let client = try guest.shell("trap 'exit 7' USR1; echo ready; while :; do sleep 0.05; done")
        try guest.run { client.output == "ready\n" }
        client.send(.standardInput, [UInt8](repeating: 1, count: InputAllowance.initial))
        client.send(.signal, [UInt8(SIGUSR1)])
        try guest.run { client.isFinished }
        #expect(client.end == .exited(7))
    }

    @Test func aClientThatSendsMoreInputThanItMayIsCutOff() throws {
        let guest = try Guest()
        let client = try guest.shell("sleep 30")
        for _ in 0..<8 { client.send(.standardInput, [UInt8](repeating: 1, count: InputAllowance.initial / 2)) }
        try guest.run { client.isReset }
        try guest.run { try guest.sessions().isEmpty }
    }

    @Test func withoutInputTheCommandReadsNothing() throws {
        let guest = try Guest()
        let client = try guest.shell("readlink /proc/$$/fd/0; cat") { $0.wantsInput = false }
        try guest.run { client.isFinished }
        #expect(client.output == "/dev/null\n")
    }

    @Test func aReaderThatStopsHoldsTheCommandAndNobodyElse() throws {
        let guest = try Guest()
        let slow = try guest.shell("yes")
        slow.takes = false
        let taken = slow.payload(of: .standardOutput).count
        try guest.run { slow.payload(of: .standardOutput).count > 100_000 }
        let other = try guest.shell("echo other")
        try guest.run { other.isFinished }
        #expect(other.output == "other\n")
        #expect(slow.payload(of: .standardOutput).count <= taken + (256 << 10))
        slow.vanish()
        try guest.run { try guest.sessions().isEmpty }
    }

    /// Also what ignores the hang-up, and what its leader leaves behind.
    @Test(arguments: ["exec sleep 100", "trap '' HUP TERM; sleep 100", "(trap '' HUP; exec sleep 100) & wait"])
    func aClientThatVanishesLeavesNoProcess(script: String) throws {
        let guest = try Guest()
        let client = try guest.shell("echo $$; \(script)")
        try guest.run { client.output.hasSuffix("\n") }
        let leader = try #require(Int(client.output.split(separator: "\n")[0]))
        client.vanish()
        try guest.run { try guest.sessions().isEmpty }
        #expect(!Self.runs(leader))
        // Killed it is by now; its death is the kernel's, and takes a moment.
        try guest.run { linux_group_has_others(pid_t(leader)) == 0 }
    }

    @Test(arguments: ["sleep 100", "trap '' TERM; sleep 100 & sleep 100", "(trap '' TERM; exec sleep 100) & wait"])
    func whenItsTimeIsOverTheWholeProcessGroupEnds(script: String) throws {
        let guest = try Guest()
        let client = try guest.shell("echo $$; \(script)") { $0.timeout = 300 }
        try guest.run { client.isFinished }
        #expect(client.end == .timedOut)
        let leader = try #require(Int(client.output.split(separator: "\n")[0]))
        #expect(!Self.runs(leader))
        // Killed it is by now; its death is the kernel's, and takes a moment.
        try guest.run { linux_group_has_others(pid_t(leader)) == 0 }
    }

    @Test func aCommandThatEndsInTimeIsNotTimedOut() throws {
        let guest = try Guest()
        let client = try guest.shell("exit 5") { $0.timeout = 60_000 }
        try guest.run { client.isFinished }
        #expect(client.end == .exited(5))
    }

    @Test(.enabled(if: getuid() == 0)) func anotherUserIsThatUserAlone() throws {
        let guest = try Guest()
        let client = try guest.shell(
            "id -u; id -g; id -G; echo $USER $LOGNAME; echo to >/dev/stderr; cat /etc/shadow >/dev/null 2>&1; echo $?"
        ) {
            $0.user = Array("nobody".utf8)
        }
        try guest.run { client.isFinished }
        #expect(client.output == "65534\n65534\n65534\nnobody nobody\n1\n")
        #expect(client.errors == "to\n")
    }

    @Test func aUserThatIsNotThereIsNamed() throws {
        let guest = try Guest()
        let client = try guest.shell("true") { $0.user = Array("no-such-user".utf8) }
        try guest.run { client.isFinished }
        guard case .notStarted(126, let reason)? = client.end else {
            Issue.record("\(String(describing: client.end))")
            return
        }
        #expect(reason.contains("'no-such-user'"))
    }

    @Test func aRawShellPassesBytesAndEndsWithItsInput() throws {
        let guest = try Guest()
        let client = try guest.open(.shell)
        client.send(Array("echo one; echo two >&2\n".utf8))
        client.finish()
        try guest.run { client.isFinished }
        // The answer to `open` comes first.
        #expect(String(decoding: client.raw.dropFirst(Frame.headerLength), as: UTF8.self) == "one\ntwo\n")
        #expect(try guest.sessions().isEmpty)
    }

    @Test func moreThanTheMostSessionsAreRefused() throws {
        let guest = try Guest()
        var clients: [Guest.Client] = []
        for _ in 0..<SessionService.maximumSessions { clients.append(try guest.shell("exec sleep 100")) }
        try guest.run { clients.allSatisfy { $0.start != nil } }
        let refused = try guest.open(.exec)
        try guest.run { refused.isFinished }
        #expect(refused.frames.map(\.type) == [.refused])
        guest.loseLink()
        try guest.run { guest.service.count == 0 }
    }
}
