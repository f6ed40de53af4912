import ControlProtocol
import Foundation
import Testing

/// A boot that has failed can be entered, says what is wrong, is repaired from within and goes on.
@Suite(.tellsStory) struct RescueTests {
    @Test func aFailedBootIsRepairedInItsShellAndGoesOnToInit() async throws {
        try await withMachine(["--store", "none", "--append", "vm.disk=/dev/disk-of-mine init=/repaired"]) { machine in
            let failed = try await machine.waitUntilFailed()
            #expect(failed.detail.hasPrefix("format-empty-disk: waited 10 s for the disk (/dev/disk-of-mine)"), "\(failed.detail)")
            let told = try await machine.sh("vm-agent resume --explain")
            #expect(told.code == 0 && told.lines.first == "The boot has stopped at the step \(failed.detail)", "\(told)")
            #expect(told.text.contains("'vm-agent resume' tries the step again"), "\(told)")
            let unknown = try await machine.sh("vm-agent resume --from nonsense")
            #expect(
                unknown.code == 1
                    && unknown.errors.hasPrefix("there is no step 'nonsense' that this boot can go on from: there are install-tools, "))
            #expect(try await machine.sh("vm-agent resume --nonsense").code == 64)
            #expect(try await machine.status()?.state == .failed, "a question changes nothing")

            // A session from before the switch lives through it.
            let session = try await machine.exec(
                ["sh", "-c", "until test -e /run/over; do sleep 0.1; done; echo lived; exit 6"], options: ["--detach"])
            // The next failure is another one, and told anew.
            // The shell that it was mended in finds the new root.
            let mend =
                "ln -s vda /dev/disk-of-mine; vm-agent resume; code=$?; ls -d /proc/1 /lost+found; chroot /.. ls -d /boot; exit $code"
            let again = try await machine.sh(mend)
            #expect(again.lines.suffix(3) == ["/lost+found", "/proc/1", "/boot"], "\(again)")
            #expect(again.errors.contains("'exec chroot /.. sh' changes to the guest's own"), "\(again)")
            #expect(again.code == 1, "\(again)")
            #expect(again.lines.contains { $0.hasPrefix("format-empty-disk: /dev/disk-of-mine was empty: made ext4") }, "\(again)")
            #expect(again.errors.contains("The boot has stopped at the step enter-init: cannot execute init=/repaired"), "\(again)")
            let second = try await machine.waitUntil("to fail anew") { $0.detail.hasPrefix("enter-init: ") }
            #expect(second.state == .failed)
            #expect(second.steps.filter { $0.state == .failed }.map(\.name) == ["enter-init"])
            let back = try await machine.sh("vm-agent resume --from mount-root")
            #expect(
                back.code == 1 && back.errors.contains("there is no step 'mount-root' that this boot can go on from: there are enter-init"),
                "\(back)")

            let script = "#!/run/vm-agent/bin/sh\\ntrap 'sync; poweroff -f' USR2; while :; do sleep 1000 & wait \\$!; done\\n"
            let resumed = try await machine.sh("printf \"\(script)\" > /repaired; chmod +x /repaired; vm-agent resume")
            #expect(resumed.code == 0 && resumed.lines.last == "the guest's init has been entered", "\(resumed)")
            let ready = try await machine.waitUntilReady()
            #expect(ready.detail == "init is running")
            #expect(ready.steps.allSatisfy { $0.state != .failed || $0.name == "enter-init" })
            #expect(try await machine.output(of: "tr '\\0' ' ' < /proc/1/cmdline").contains("/repaired"))
            let nothing = try await machine.sh("vm-agent resume")
            #expect(nothing.code == 1 && nothing.errors.contains("there is no failed boot to resume in this guest"), "\(nothing)")
            _ = try await machine.output(of: "touch /run/over")
            let attached = try await machine.directory.vm(["attach", machine.name, session.lines.first ?? ""]).run()
            #expect(attached.code == 6 && attached.text == "lived\n", "\(attached)")

            #expect(machine.launcher.errors.contains("guest did not boot (format-empty-disk: "), "\(machine.launcher.errors)")
            #expect(machine.launcher.errors.contains("'vm-agent resume' tries again"))
            #expect(machine.launcher.errors.contains("guest has booted after all"))
            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0 && code == 0, "\(down)")
        }
    }

    @Test func aStepThatCannotBeMendedIsSkippedAndAPersonIsToldHow() async throws {
        try await withMachine(["--store", "none", "--append", "vm.format=always init=/nowhere/init"]) { machine in
            try await machine.waitUntilFailed()
            let banner = "the boot of guest stopped at the step enter-init: cannot execute init=/nowhere/init"
            // A script's answers are the shell's alone.
            #expect(try await machine.socat("echo answer\n").text == "answer\n")
            let piped = try await machine.directory.vm(["shell", machine.name], input: Array("echo answer\n".utf8)).run()
            #expect(piped.text == "answer\n" && piped.errors == "", "\(piped)")
            // A person at a terminal is told.
            for command in ["socat stdio UNIX:guest.socket", "\(Checkout.vm) shell guest"] {
                let typed = try await machine.directory.script(
                    "(sleep 2; echo 'echo answer; exit') | script -qec \"$0\" /dev/null", argument: command)
                #expect(typed.text.contains(banner) && typed.text.contains("'vm-agent resume'"), "\(command): \(typed)")
                #expect(typed.text.contains("answer"), "\(command): \(typed)")
            }
            let skipped = try await machine.sh("vm-agent resume --skip")
            #expect(skipped.code == 0 && skipped.lines == ["the guest has booted; the agent stays PID 1"], "\(skipped)")
            try await machine.waitUntilReady()
            #expect(try await machine.sh("vm-agent resume").code == 1)
            // By another way than the boot's own, too: what is mounted is not formatted.
            let formatted = try await machine.sh("touch /file; vm-agent post-device; code=$?; ls /file; exit $code")
            #expect(formatted.code == 1 && formatted.lines.last == "/file", "\(formatted)")
            #expect(formatted.errors.contains("/dev/vda is in use: it is mounted, or another device is built on it"), "\(formatted)")
        }
    }

    /// One who asks and goes, or says nothing, costs PID 1 nothing: it still powers off, reaps and hears the next one.
    @Test func whoAsksBadlyDoesNotKeepTheNextOneFromAsking() async throws {
        try await withMachine(["--store", "none", "--append", "init=/nowhere/init"]) { machine in
            try await machine.waitUntilFailed()
            let rude = "for i in 1 2 3 4 5 6; do vm-agent resume --explain > /dev/null & kill -9 $!; done; wait; vm-agent resume --explain"
            let told = try await machine.sh(rude)
            #expect(told.code == 0 && told.lines.first?.hasPrefix("The boot has stopped at the step enter-init") == true, "\(told)")
            let other = try await machine.exec(["vm-agent", "resume"], options: ["--user", "1000"])
            #expect(other.code == 1 && other.errors.contains("only root may ask for that"), "\(other)")
            // Orphans are PID 1's, and are reaped.
            _ = try await machine.output(of: "for i in $(seq 50); do (sleep 0.1 &); done; sleep 1")
            try await eventually("the orphans to be reaped") {
                try await machine.output(of: "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l") == "0"
            }
            // The serving process is replaced, and knows of the failure.
            _ = try await machine.sh("kill -9 \(try await machine.agent())")
            let status = try await machine.waitUntil("to be served again") { $0.state == .failed && !$0.links.isEmpty }
            #expect(status.detail.hasPrefix("enter-init: "))
            #expect(try await machine.output(of: "echo back") == "back")
        }
    }
}
