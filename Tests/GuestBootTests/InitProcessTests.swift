import CLinux
import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

@Suite struct InitProcessTests {
    private func catches(_ signal: CInt, _ status: String) -> Bool { InitProcess.catches(signal, status: Array(status.utf8)) }

    @Test func aSignalsBitIsItsNumberLessOne() {
        let status = "Name:\tinit\nSigIgn:\tffffffffffffffff\nSigCgt:\t0000000000000800\nSeccomp:\t0\n"
        #expect(catches(SIGUSR2, status))
        for signal in (1...64) as ClosedRange<CInt> where signal != SIGUSR2 { #expect(!catches(signal, status)) }
        #expect(catches(64, "SigCgt:\t8000000000000000\n"))
        #expect(catches(1, "SigCgt:\t0000000000000001\n"))
    }

    @Test(arguments: ["", "SigCgt:", "SigCgt:\t", "SigCgt:\tnonsense\n", "SigIgn:\tffffffffffffffff\n", "XSigCgt:\tffffffffffffffff\n"])
    func whatCannotBeReadCatchesNothing(_ status: String) {
        #expect(!catches(SIGUSR2, status))
    }

    @Test func aRealProcessThatTrapsTheSignalIsSeenToCatchIt() throws {
        let status = try Tool.run("sh", "-c", "trap : USR2; cat /proc/$$/status").bytes
        #expect(InitProcess.catches(SIGUSR2, status: status))
        #expect(!InitProcess.catches(SIGUSR2, status: try Tool.run("cat", "/proc/self/status").bytes))
    }
}
