import Foundation
import Testing

/// `vm-proxy.service` with all its hardening, started by a systemd that runs: this machine's own, in a VM.
@Suite(.tellsStory) struct ServiceUnitTests {
    /// Makes an image of a root with systemd, the unit, and what serves and uses its sockets.
    private static let image = """
        mkdir root
        \(StageTwoTests.systemd.files)
        for program in \(Checkout.proxy) \(Checkout.vm) /usr/bin/systemctl; do
          cp $program root/usr/bin/
          for library in $(ldd $program | grep -o '/[^ ]*'); do cp -n --parents -L $library root/; done
        done
        cp \(Checkout.root)/host/systemd/vm-proxy.service root/usr/lib/systemd/system/
        mkdir -p root/etc/default root/var/tmp root/tmp root/home root/root
        echo 'VM_PROXY_OPTIONS="--guest served"' > root/etc/default/vm-proxy
        echo root:x:0:0:root:/root:/bin/sh > root/etc/passwd
        printf '[Unit]\\nDescription=Stage 2\\nWants=vm-proxy.service\\n' > root/etc/systemd/system/default.target
        truncate -s 512M root.img
        mkfs.ext4 -q -d root root.img
        rm -r root
        """

    @Test func theUnitServesGuestsAsAUserOfItsOwn() async throws {
        let directory = try VMDirectory()
        try await directory.script(Self.image)
        let options = ["--store", "none", "--disk", directory.file("root.img"), "--append", "init=\(StageTwoTests.systemd.path)"]
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            try await eventually("the unit to be active") {
                try await machine.output(of: "systemctl is-active vm-proxy 2>/dev/null || true") == "active"
            }
            // Not root's, and nobody else's either.
            let sockets = try await machine.output(of: "stat -c '%a %u' /run/vm-proxy/vm-proxy.socket /run/vm-proxy/served.socket")
            #expect(sockets.split(separator: "\n").allSatisfy { $0.hasPrefix("600 ") && !$0.hasSuffix(" 0") }, "\(sockets)")

            let answer = try await machine.output(
                of: """
                    vm-agent connect --socket /run/vm-proxy/.served.link.socket & agent=$!
                    timeout 60 vm exec --directory /run/vm-proxy served -- echo served
                    kill -KILL $agent
                    """)
            #expect(answer == "served")

            let stop = "systemctl stop vm-proxy; systemctl is-failed vm-proxy || true; ls -d /run/vm-proxy 2>&1 || true"
            let end = try await machine.output(of: stop)
            #expect(end == "inactive\nls: /run/vm-proxy: No such file or directory", "\(end)")
        }
        await directory.expectNothingLeft()
    }
}
