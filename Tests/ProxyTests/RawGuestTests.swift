import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Proxy
import Testing

/// A guest without an agent, as in 2010: its shells are this machine's.
@Suite(.serialized) struct RawGuestTests {
    private let workspace: Workspace
    private let shell = "/bin/sh"

    init() throws { workspace = try Workspace() }

    /// What `nc 10.0.2.6 23 -e sh` in the guest and the helper on the host come to.
    private func connectShell() throws -> ChildProgram {
        let (ours, theirs) = try SocketClient.pair()
        let child = try ChildProgram(shell, [], input: theirs, output: theirs, errors: theirs)
        try LinkHelper.pass(FileDescriptor(rawValue: ours), guest: "old", directory: workspace.directory)
        close(ours)
        return child
    }

    @Test func aScriptRunsInTheShellAndEndsWithIt() throws {
        let proxy = try ProxyProcess(workspace, ["--raw", "old"])
        let guest = try connectShell()
        let client = try SocketClient(workspace.shellSocket("old"))
        try client.send("echo $((6*7))\n")
        client.finish()
        #expect(try client.rest() == Array("42\n".utf8))
        #expect(guest.end() == .exited(0))
        _ = proxy
    }

    @Test func oneClientAtATimeAndTheNextIsToldWhyItWaits() throws {
        let proxy = try ProxyProcess(workspace, ["--raw", "old"])
        let guest = try connectShell()
        let first = try SocketClient(workspace.shellSocket("old"))
        try first.send("echo first\n")
        #expect(try first.line() == "first")
        let second = try SocketClient(workspace.shellSocket("old"))
        #expect(
            try second.line() == "vm-proxy: guest 'old' has one shell, and another client uses it; waiting up to 20 s for it")
        try first.send("exit\n")
        #expect(try first.rest() == [])
        let nextGuest = try connectShell()
        try second.send("echo second; exit\n")
        #expect(try second.rest() == Array("second\n".utf8))
        _ = (proxy, guest, nextGuest)
    }

    @Test func aWaitThatIsOverIsExplained() throws {
        let proxy = try ProxyProcess(workspace, ["--raw", "old", "--wait", "0"])
        let client = try SocketClient(workspace.shellSocket("old"))
        #expect(try client.line() == "vm-proxy: waited 0 s for guest 'old', which has not connected; see its console")
        #expect(try client.rest() == [])
        _ = proxy
    }

    @Test func theShellBehindAChardevGoesOnForTheNextClient() throws {
        let proxy = try ProxyProcess(workspace, ["--raw", "old"])
        let chardev = try SocketClient(workspace.linkSocket("old"))
        let ends = dup(chardev.descriptor)
        let guest = try ChildProgram(shell, [], input: ends, output: ends, errors: ends)
        for number in 1...3 {
            let client = try SocketClient(workspace.shellSocket("old"))
            try client.send("n=$((n+1)); echo $n\n")
            client.finish()
            var line = try client.line()
            // The proxy may not have seen yet that the client before has left.
            if line.hasPrefix("vm-proxy: ") { line = try client.line() }
            #expect(line == "\(number)")
        }
        _ = (proxy, guest)
    }

    @Test func theOtherServicesAreRefusedInWords() throws {
        let proxy = try ProxyProcess(workspace, ["--raw", "old"])
        let exec = try workspace.control(.connect(guest: "old", service: "exec", now: false))
        #expect(
            try exec.line() == "ERR guest 'old' has no agent (--raw), only a shell: connect to \(workspace.shellSocket("old"))")
        #expect(try workspace.control(.guest(name: "old", token: [])).line().hasPrefix("ERR guest 'old' has no agent"))
        let status = try workspace.status()
        #expect(status.guests.map(\.name) == ["old"])
        #expect(status.guests[0].state == .waiting)
        _ = proxy
    }
}
