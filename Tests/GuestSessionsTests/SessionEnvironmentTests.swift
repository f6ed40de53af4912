import GuestBoot
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite struct SessionEnvironmentTests {
    private func shell(_ users: String) -> String? { SessionEnvironment.shell(ofRootIn: Array(users.utf8)) }

    @Test func rootsShellIsTheLastFieldOfItsLine() {
        #expect(shell("daemon:x:1:1::/:/bin/a\nroot:x:0:0:root:/root:/bin/zsh\nroot:x:0:0::/:/bin/later\n") == "/bin/zsh")
        #expect(shell("root::0:0:::/run/current-system/sw/bin/bash") == "/run/current-system/sw/bin/bash")
    }

    @Test(
        arguments: [
            "", "\n\n", "toor:x:0:0:root:/root:/bin/sh\n", "root:x:0:0:root:/root:\n", "root:x:0:0:/root:/bin/sh\n",
            "root:x:0:0:root:/root:/usr/sbin/nologin\n", "root:x:0:0:root:/root:/bin/false\n", " root:x:0:0:root:/root:/bin/sh\n",
        ]) func aUserFileWithoutAShellForRootHasNone(_ users: String)
    {
        #expect(shell(users) == nil)
    }

    @Test func aShellThatIsThereIsFound() throws {
        let shell = try #require(SessionEnvironment().shell)
        #expect(Files.isExecutable(shell))
    }

    private func variables(_ environment: SessionEnvironment, added: [String] = []) -> [String] {
        environment.variables(shell: "/bin/sh", added: added.map { Array($0.utf8) }).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aSessionKnowsItsPathItsUserAndItsLanguage() {
        let variables = variables(SessionEnvironment())
        for variable in ["USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8"] { #expect(variables.contains(variable)) }
        #expect(variables.contains { $0.hasPrefix("PATH=/") && $0.hasSuffix(":/run/vm-agent/bin") })
        #expect(variables.contains { $0.hasPrefix("HOME=/") })
    }

    @Test func theClientsVariablesTakeThePlaceOfThoseOfTheSameName() {
        let variables = variables(SessionEnvironment(), added: ["LANG=de_DE.UTF-8", "NEW=a=b", "USER="])
        #expect(variables.filter { $0.hasPrefix("LANG=") } == ["LANG=de_DE.UTF-8"])
        #expect(variables.filter { $0.hasPrefix("USER") } == ["USER="])
        #expect(variables.contains("LOGNAME=root"))
        #expect(variables.contains("NEW=a=b"))
    }

    @Test func ofSeveralValuesForOneNameTheLastCountsAsWithEnv() {
        #expect(variables(SessionEnvironment(), added: ["A=1", "B=x", "A=2"]).filter { $0.hasPrefix("A=") } == ["A=2"])
    }

    @Test func theSystemsProgramsAreFoundOnceItIsKnown() throws {
        let system = try TemporaryDirectory()
        try system.write("sw/bin/tool", "", mode: 0o755)
        #expect(SessionEnvironment(systemPath: system.path).path.contains("\(system.path)/sw/bin"))
        #expect(!SessionEnvironment().path.contains("\(system.path)/sw/bin"))
    }
}
