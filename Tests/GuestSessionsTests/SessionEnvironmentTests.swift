import AgentProtocol
import GuestBoot
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite struct SessionEnvironmentTests {
    @Test func aShellThatIsThereIsFound() throws {
        #expect(Files.isExecutable(try SessionEnvironment().rawShell().path))
    }

    private func variables(_ environment: SessionEnvironment, added: [String] = []) throws -> [String] {
        let command = Command(arguments: [Array("sh".utf8)], environment: added.map { Array($0.utf8) })
        return try environment.program(for: command, environment.user(of: command)).environment.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aSessionKnowsItsPathItsUserAndItsLanguage() throws {
        let variables = try variables(SessionEnvironment())
        for variable in ["USER=root", "LOGNAME=root", "LANG=C.UTF-8"] { #expect(variables.contains(variable)) }
        #expect(variables.contains { $0.hasPrefix("PATH=/") && $0.hasSuffix(":/run/vm-agent/bin") })
        for name in ["HOME", "SHELL"] { #expect(variables.contains { $0.hasPrefix("\(name)=/") }) }
    }

    @Test func theClientsVariablesTakeThePlaceOfThoseOfTheSameName() throws {
        let variables = try variables(SessionEnvironment(), added: ["LANG=de_DE.UTF-8", "NEW=a=b", "USER="])
        #expect(variables.filter { $0.hasPrefix("LANG=") } == ["LANG=de_DE.UTF-8"])
        #expect(variables.filter { $0.hasPrefix("USER") } == ["USER="])
        #expect(variables.contains("LOGNAME=root"))
        #expect(variables.contains("NEW=a=b"))
    }

    @Test func ofSeveralValuesForOneNameTheLastCountsAsWithEnv() throws {
        #expect(try variables(SessionEnvironment(), added: ["A=1", "B=x", "A=2"]).filter { $0.hasPrefix("A=") } == ["A=2"])
    }

    @Test func theSystemsProgramsAreFoundOnceItIsKnown() throws {
        let system = try TemporaryDirectory()
        try system.write("sw/bin/tool", "", mode: 0o755)
        #expect(SessionEnvironment(systemPath: system.path).path.contains("\(system.path)/sw/bin"))
        #expect(!SessionEnvironment().path.contains("\(system.path)/sw/bin"))
    }
}
