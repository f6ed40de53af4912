import LinuxSystem
import Testing

@testable import GuestSessions

@Suite struct SessionUserTests {
    static let users = Array(
        """
        root:x:0:0:root:/root:/bin/bash
        broken line
        daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
        anna:x:1000:1000:Anna,,,:/home/anna:/bin/zsh
        1000:x:7:7::/seven:
        twin:x:1000:1001::/home/twin:/bin/sh
        """.utf8)
    static let groups = Array("root:x:0:\nanna:x:1000:\nkvm:x:106:anna,twin\nwheel:x:10:root,anna\nannas:x:11:annas\n7:x:99:\n".utf8)

    static func find(_ text: String) throws(SessionStartFailure) -> SessionUser {
        try SessionUser.find(Array(text.utf8), users: users, groups: groups)
    }

    static func numbers(_ text: String) throws(SessionStartFailure) -> Program.User? { try find(text).numbers }

    @Test func aNameGivesItsNumbersAndGroups() throws {
        let anna = try Self.find("anna")
        #expect(anna.numbers == Program.User(identifier: 1000, group: 1000, groups: [1000, 106, 10]))
        #expect(anna.home == Array("/home/anna".utf8))
        #expect(anna.shell == Array("/bin/zsh".utf8))
    }

    @Test func aNameOfDigitsIsANameFirst() throws { #expect(try Self.numbers("1000")?.identifier == 7) }

    @Test func aNumberGivesTheFirstUserWithIt() throws {
        #expect(try Self.find("1").name == Array("daemon".utf8))
        #expect(try Self.numbers("0") == Program.User(identifier: 0, group: 0, groups: [0, 10]))
    }

    @Test func aNumberWithoutAUserIsAUserWithoutAHome() throws {
        let user = try Self.find("4242")
        #expect(user.numbers == Program.User(identifier: 4242, group: 4242, groups: [4242]))
        #expect(user.home.isEmpty && user.shell.isEmpty && user.name == Array("4242".utf8))
    }

    /// Groups that were asked for are all the groups: whoever names one does not want the others.
    @Test(arguments: [("anna:kvm", UInt32(106)), ("anna:55", 55), ("1234:wheel", 10), ("anna:7", 99)])
    func aGroupReplacesAllGroups(text: String, group: UInt32) throws {
        let numbers = try #require(try Self.numbers(text))
        #expect(numbers.group == group && numbers.groups == [group])
    }

    @Test(arguments: ["nobody-here", "", ":kvm", "anna:nogroup", "anna:", "4294967295", "99999999999", "-1", "1000:4294967295"])
    func whatIsNobodyIsRefused(text: String) {
        #expect(throws: SessionStartFailure.self) { try Self.find(text) }
    }

    @Test func rootIsRootWithoutAnyFile() {
        #expect(SessionUser.root(users: []).numbers == nil)
        #expect(SessionUser.root(users: Self.users).shell == Array("/bin/bash".utf8))
    }

    @Test func aShellThatRefusesLoginsIsKnown() throws {
        #expect(try Self.find("daemon").refusesLogins)
        #expect(!(try Self.find("anna").refusesLogins))
    }

    @Test func theLastVariableOfANameCounts() {
        let merged = SessionEnvironment.merged(
            ["PATH=/bin", "HOME=/root"].map { Array($0.utf8) }, ["A=1", "PATH=/own", "A=2=3", "PATHS=x"].map { Array($0.utf8) })
        #expect(merged.map { String(decoding: $0, as: UTF8.self) } == ["HOME=/root", "PATH=/own", "A=2=3", "PATHS=x"])
    }
}
