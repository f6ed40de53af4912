import CLinux
import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

@Suite struct RunProgramTests {
    private func run(_ script: String, seconds: Int = 60) -> RunProgram.Outcome {
        RunProgram.run(Program("/bin/sh", ["-c", script], environment: ["PATH=/usr/bin:/bin"]), seconds: seconds)
    }

    @Test func theEndAndTheLastLineAreToldWhereverTheyWereWritten() {
        #expect(run("echo out; echo err >&2; exit 3").description == "exit code 3: err")
        #expect(run("echo err >&2; echo out; exit 1").description == "exit code 1: out")
        #expect(run("exit 7").description == "exit code 7")
        #expect(run("kill -9 $$").description == "killed by signal 9")
        #expect(run("printf 'no newline'").end == .exited(0))
        #expect(run("printf 'a\\n\\n\\n'; exit 2").lastLine == "a")
    }

    @Test func aProgramThatIsNotThereSaysSo() {
        let outcome = RunProgram.run(Program("/nonexistent"), seconds: 1)
        #expect(outcome.end == nil)
        #expect(outcome.description == "cannot start it: No such file or directory (errno 2)")
    }

    @Test func onlyTheLastOfALongOutputIsKept() {
        let outcome = run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1")
        #expect(outcome.output.count <= 2048)
        #expect(outcome.description == "exit code 1: line 19999")
    }

    @Test func aProgramThatDoesNotEndIsEndedWithAllThatItStarted() throws {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { readEnd.close() }
        // The sleeper holds the pipe as its descriptor 3.
        var program = Program("/bin/sh", ["-c", "exec 3<&0; sleep 60 & echo waiting; wait"], environment: ["PATH=/usr/bin:/bin"])
        program.standardInput = writeEnd
        let outcome = RunProgram.run(program, seconds: 1)
        writeEnd.close()
        #expect(outcome.end == nil)
        #expect(outcome.description == "not done within 1 s, killed: waiting")
        #expect(try Files.read(readEnd) == [])
    }

    @Test func anOrphanThatHoldsTheOutputDelaysNothing() throws {
        let directory = try TemporaryDirectory()
        let outcome = run("sleep 60 & echo $! >'\(directory.path)/pid'; echo done; exit 5")
        #expect(outcome.description == "exit code 5: done")
        let sleeper = String(decoding: try directory.read("pid"), as: UTF8.self).split(separator: "\n")[0]
        try Tool.run("kill", String(sleeper))
    }

    @Test func aClosedOutputIsNotTheEnd() {
        #expect(run("exec >&- 2>&-; exit 4").end == .exited(4))
    }
}
