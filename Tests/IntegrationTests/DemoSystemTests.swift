import ControlProtocol
import Foundation
import Testing

/// One VM that runs the demo system, a real closure with a real Nix, and what a person does with it.
@Suite(.machine("--system", Checkout.system, "--writable-store"), .tellsStory) struct DemoSystemTests {
    // MARK: Registration

    @Test func theGuestsOwnNixKnowsWhatTheSystemReferences() async throws {
        let machine = try Machine.shared
        for query in ["--references", "-R"] {
            let host = try await machine.directory.script("nix-store -q \(query) \(Checkout.system)")
            let guest = try await machine.exec(["nix-store", "-q", query, Checkout.system])
            #expect(guest.code == 0, "\(guest)")
            #expect(!guest.lines.isEmpty)
            #expect(guest.lines.sorted() == host.lines.sorted())
        }
    }

    @Test func onlyWhatWasRegisteredIsValid() async throws {
        let machine = try Machine.shared
        #expect(try await machine.exec(["nix-store", "--check-validity", Checkout.system]).code == 0)
        let other = try await machine.sh("mkdir /nix/store/00000000000000000000000000000000-other && nix-store --check-validity /nix/store/0*-other")
        #expect(other.code == 1, "\(other)")
        #expect(other.errors.contains("is not valid"), "\(other)")
    }

    // MARK: Boot

    @Test func initIsTheSystemsOwnAndTheToolsAreLastInThePath() async throws {
        let machine = try Machine.shared
        #expect(try await machine.output(of: "tr '\\0' ' ' < /proc/1/cmdline").contains("\(Checkout.system)/init"))
        let path = try await machine.output(of: "echo $PATH").split(separator: ":")
        #expect(path.first == "\(Checkout.system)/sw/bin")
        #expect(path.last == "/run/vm-agent/bin")
        // A tool that the system has not, and a script that the kernel starts.
        let script = "printf '#!/run/vm-agent/bin/sh\\necho $0 runs\\n' > /tmp/script; chmod +x /tmp/script; /tmp/script; /run/vm-agent/bin/ls -d /tmp"
        #expect(try await machine.output(of: script) == "/tmp/script runs\n/tmp")
    }

    @Test func thePlanInTheGuestIsTheBootThatPsTellsOf() async throws {
        let machine = try Machine.shared
        let plan = try await machine.exec(["vm-agent", "plan"])
        #expect(plan.code == 0, "\(plan)")
        let planned = plan.lines.map { $0.split(separator: "\t").dropFirst().first.map(String.init) ?? "" }
        let status = try #require(try await machine.status())
        #expect(status.steps.map(\.name) == planned)
        #expect(planned.last == "enter-init")
        #expect(status.warnings == [])
        for step in status.steps where step.name != "enter-init" { #expect(step.state == .succeeded, "\(step)") }
    }

    // MARK: Shells

    @Test func theSocketFileIsForItsOwnerAlone() throws {
        let machine = try Machine.shared
        let attributes = try FileManager.default.attributesOfItem(atPath: machine.socket)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(attributes[.type] as? FileAttributeType == .typeSocket)
    }

    @Test func aShellEndsByItselfAtTheEndOfItsInput() async throws {
        let machine = try Machine.shared
        _ = try await machine.output(of: "touch /root/seen")
        // socat gives up after 200 s; the shell has to end it before.
        let session = try await machine.socat("ls /root\n")
        #expect(session.code == 0, "\(session)")
        #expect(session.lines.contains("seen"))
        #expect(session.errors == "")
    }

    @Test func twentyShellsAtOnceAreNotMixed() async throws {
        let machine = try Machine.shared
        let count = 20
        let sessions = try await withThrowingTaskGroup { group in
            for number in 1...count {
                group.addTask {
                    // None goes on before all are there; from then on they write at the same time.
                    let script = """
                        mkdir -p /tmp/shells; touch /tmp/shells/\(number)
                        while [ $(ls /tmp/shells | wc -l) -lt \(count) ]; do sleep 0.1; done
                        i=0; while [ $i -lt 200 ]; do i=$((i + 1)); echo "shell \(number) line $i"; done
                        exit

                        """
                    return (number, try await machine.socat(script))
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for number in 1...count {
            let session = try #require(sessions[number])
            #expect(session.code == 0)
            #expect(session.lines == (1...200).map { "shell \(number) line \($0)" }, "\(session)")
        }
    }
}
