import CLinux
import HostTools
import Testing

@testable import LinuxSystem

@Suite struct ChildProcessTests {
    static let environment = ["PATH=/usr/bin:/bin"]

    /// Waits for the end of a child that ends by itself.
    private func end(of child: ChildProcess) -> ProcessEnd? {
        defer { child.pidfd.close() }
        guard child.pidfd.waitUntilReadable(milliseconds: 60_000) else { return nil }
        return child.end()
    }

    private func shell(_ script: String) -> Program {
        Program("/bin/sh", ["-c", script], environment: ChildProcessTests.environment)
    }

    /// What a program writes to its standard output until that is closed.
    private func output(of program: Program) throws -> (text: String, end: ProcessEnd?) {
        var program = program
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        program.standardOutput = writeEnd
        let child: ChildProcess
        do {
            defer { writeEnd.close() }
            child = try program.start()
        }
        let text = String(decoding: try Files.read(readEnd), as: UTF8.self)
        return (text, end(of: child))
    }

    @Test(arguments: [0, 1, 3, 126, 127, 128, 255] as [UInt8]) func anExitCodeArrivesAsItIs(_ code: UInt8) throws {
        #expect(end(of: try shell("exit \(code)").start()) == .exited(code))
    }

    @Test(arguments: [SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1, SIGSEGV]) func aSignalsEndNamesTheSignal(_ signal: CInt) throws {
        #expect(end(of: try shell("kill -\(signal) $$; sleep 60").start()) == .signaled(UInt8(signal)))
    }

    @Test func aProcessThatRunsHasNoEndUntilItIsSignalled() throws {
        let child = try Program("/bin/sleep", ["60"]).start()
        #expect(child.end() == nil)
        child.signal(SIGTERM)
        #expect(end(of: child) == .signaled(UInt8(SIGTERM)))
    }

    @Test func anEndIsSeenOnce() throws {
        let child = try shell("exit 4").start()
        defer { child.pidfd.close() }
        #expect(child.pidfd.waitUntilReadable(milliseconds: 60_000))
        #expect(child.end() == .exited(4))
        #expect(child.end() == nil)
    }

    @Test func aProgramThatCannotBeStartedSaysWhy() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: Errno.noSuchFile) { try Program("/nonexistent").start() }
        #expect(throws: Errno(EACCES)) { try Program(directory.path).start() }
        #expect(throws: Errno(EACCES)) { try Program(directory.write("text", "x")).start() }
        #expect(throws: Errno(ENOEXEC)) { try Program(directory.write("garbage", [1, 2, 3, 4], mode: 0o755)).start() }
        #expect(throws: Errno.noSuchFile) { try Program(directory.write("script", "#!/no/such/shell\n", mode: 0o755)).start() }
        #expect(throws: Errno(ENOTDIR)) { try Program("/proc/version/x").start() }
        var elsewhere = Program("/bin/true")
        elsewhere.directory = "/nonexistent"
        #expect(throws: Errno.noSuchFile) { try elsewhere.start() }
        var closed = Program("/bin/true")
        closed.standardOutput = FileDescriptor(rawValue: 1_000_000)
        #expect(throws: Errno(EBADF)) { try closed.start() }
    }

    private func openDescriptors() throws -> Int {
        try #require(Int(Tool.run("sh", "-c", "ls /proc/\(getpid())/fd | wc -l").text.split(separator: "\n")[0]))
    }

    @Test func aFailedStartLeavesNoDescriptorAndNoZombie() throws {
        // Descriptors of tests beside this one come and go, hundreds at once: a leak of one in each of many starts stands out each time.
        let increases = try (0..<3).map { _ in
            let before = try openDescriptors()
            for _ in 0..<150 { #expect(throws: Errno.noSuchFile) { try Program("/nonexistent").start() } }
            return try openDescriptors() - before
        }
        #expect(increases.contains { $0 < 75 }, "\(increases)")
        let children = try Tool.run("sh", "-c", "ps -o stat= --ppid \(getpid()) | grep -c Z || true").lines
        #expect((Int(children[0]) ?? 0) < 250)
    }

    @Test func argumentsAndEnvironmentAreBytesAndArriveAsTheyAre() throws {
        var program = Program("/bin/sh", ["-c", "printf '%s|' \"$0\" \"$@\"; printf '%s' \"$ODD\"", "zero", "a b", "", "*\"'\\"])
        program.arguments.append([0xFF, 0x0A])
        program.environment = [Array("ODD=".utf8) + [0xFE, 0x20]]
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        program.standardOutput = writeEnd
        let child = try program.start()
        writeEnd.close()
        let bytes = try Files.read(readEnd)
        #expect(end(of: child) == .exited(0))
        #expect(bytes == Array("zero|a b||*\"'\\|".utf8) + [0xFF, 0x0A] + Array("|".utf8) + [0xFE, 0x20])
    }

    @Test func theEnvironmentIsTheGivenOneAndNoOther() throws {
        let (text, _) = try output(of: Program("/usr/bin/env", environment: ["A=1", "B=2"]))
        #expect(text == "A=1\nB=2\n")
        #expect(try output(of: Program("/usr/bin/env")).text == "")
    }

    @Test func theFirstArgumentIsTheNameAndMayBeAnother() throws {
        var program = Program("/bin/sh", ["-c", "cat /proc/$$/cmdline | head -c 6"], environment: ChildProcessTests.environment)
        program.arguments[0] = Array("@agent".utf8)
        #expect(try output(of: program).text == "@agent")
    }

    @Test func descriptorsThatAreNotGivenAreDevNull() throws {
        let script = "readlink /proc/$$/fd/0 /proc/$$/fd/2; read line || echo end"
        #expect(try output(of: shell(script)).text == "/dev/null\n/dev/null\nend\n")
    }

    @Test func ourOwnDescriptorsDoNotReachTheProgram() throws {
        let directory = try TemporaryDirectory()
        let file = try FileDescriptor.open(directory.write("secret", ""), .readWrite)
        let (one, other) = try FileDescriptor.packetPair()
        // What a library opened, or this process was started with: not marked to be closed.
        let (pipe, pipeEnd) = try FileDescriptor.pipe()
        let stray = FileDescriptor(rawValue: dup(pipe.rawValue))
        defer { for descriptor in [file, one, other, pipe, pipeEnd, stray] { descriptor.close() } }
        let (text, _) = try output(of: shell("ls -l /proc/$$/fd"))
        #expect(text.contains("/dev/null"))
        #expect(!text.contains(directory.path))
        for (descriptor, kind) in [(one, "socket:"), (other, "socket:"), (stray, "pipe:")] {
            let own = try Tool.run("readlink", "/proc/\(getpid())/fd/\(descriptor.rawValue)").lines[0]
            #expect(own.hasPrefix(kind))
            #expect(!text.contains(own))
        }
    }

    @Test func oneDescriptorMayServeForTwo() throws {
        var program = shell("echo out; echo err >&2; echo out")
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        program.standardOutput = writeEnd
        program.standardError = writeEnd
        let child = try program.start()
        writeEnd.close()
        #expect(try Files.read(readEnd) == Array("out\nerr\nout\n".utf8))
        #expect(end(of: child) == .exited(0))
    }

    @Test func theWorkingDirectoryIsTheGivenOne() throws {
        let directory = try TemporaryDirectory()
        var program = shell("pwd -P")
        program.directory = directory.path
        #expect(try output(of: program).text == directory.path + "\n")
    }

    @Test func aRelativePathIsTakenFromTheWorkingDirectory() throws {
        let directory = try TemporaryDirectory()
        try directory.write("program", "#!/bin/sh\necho here\n", mode: 0o755)
        var program = Program("./program", environment: ChildProcessTests.environment)
        program.directory = directory.path
        #expect(try output(of: program).text == "here\n")
    }

    @Test func aProgramLeadsASessionOfItsOwnUnlessToldOtherwise() throws {
        var program = shell("cut -d' ' -f1,5,6 /proc/$$/stat; sed 's/.*) //' /proc/$$/stat | cut -d' ' -f3,4")
        let leading = try output(of: program).text.split(whereSeparator: \.isWhitespace)
        #expect(Set(leading).count == 1)
        program.newSession = false
        let following = try output(of: program).text.split(whereSeparator: \.isWhitespace)
        #expect(following.last == "\(getsid(0))")
    }

    @Test func aGroupsSignalReachesTheProcessesBelow() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        var program = shell("sleep 60 & echo started; wait")
        program.standardOutput = writeEnd
        let child = try program.start()
        writeEnd.close()
        #expect(readEnd.waitUntilReadable(milliseconds: 60_000))
        child.signalGroup(SIGTERM)
        #expect(end(of: child) == .signaled(UInt8(SIGTERM)))
        // The pipe ends only when the sleeper, which holds it too, is gone.
        #expect(try Files.read(readEnd) == Array("started\n".utf8))
    }

    @Test func signalsThatThisProcessIgnoresOrBlocksAreTheProgramsOwnAgain() throws {
        let status = try output(of: Program("/bin/cat", ["/proc/self/status"])).text
        let masks = status.split(separator: "\n").filter { $0.hasPrefix("SigIgn:") || $0.hasPrefix("SigBlk:") }
        #expect(masks.count == 2)
        for mask in masks {
            let bits = try #require(mask.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
            // Signals 32 and 33 are the C library's own, which lets nobody change them.
            #expect(bits & ~(3 << 31) == 0, "\(mask)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "changing the root directory needs root"))
    func aProgramMayHaveARootOfItsOwn() throws {
        let directory = try TemporaryDirectory()
        try Tool.run("cp", Tool.path("busybox"), "\(directory.path)/busybox")
        try Files.makeDirectory("\(directory.path)/inner")
        var program = Program("/busybox", ["ls", "/", "."])
        program.root = directory.path
        program.directory = "/inner"
        #expect(try output(of: program).text == ".:\n\n/:\nbusybox\ninner\n")
    }
}
