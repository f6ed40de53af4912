import ControlProtocol
import Foundation
import HostTools
import Testing

/// Networks of VMs: `vm up`.
@Suite(.tellsStory) struct NetworkTests {
    @Test func aVMOfANetworkBootsByUEFIThroughABootLoader() async throws {
        let json = """
            {"vms": [{"name": "guest", "ephemeral": true, "efi": true, "bootLoader": true, \(Network.kernel)}]}
            """
        try await withNetwork(json) { network in
            try await network.waitUntilStarted()
            let words = try await network.machine("guest").output(
                of: "ls -d /sys/firmware/efi; cat /proc/cmdline; grep -o '/dev/vd[^ ]* /boot' /proc/mounts")
            #expect(words.hasPrefix("/sys/firmware/efi\nBOOT_IMAGE=/vmlinuz "), "\(words)")
            #expect(words.hasSuffix(" vm.parameters=fw_cfg\n/dev/vdb2 /boot"), "\(words)")
            #expect(try await network.directory.vm(["down", "--all"]).run().code == 0)
            #expect(try await network.launcher.waitForEnd() == 0)
        }
    }

    @Test func threeVMsOnTwoNetworksReachEachOtherThroughTheOneInTheMiddle() async throws {
        let json = """
            {"vms": [
              {"name": "client", "vlans": [1], "ephemeral": true, \(Network.kernel)},
              {"name": "router", "vlans": [1, 2], "ephemeral": true, \(Network.kernel)},
              {"name": "server", "vlans": [2], "ephemeral": true, \(Network.kernel)}
            ]}
            """
        try await withNetwork(json) { network in
            try await network.waitUntilStarted()
            let (client, router, server) = (network.machine("client"), network.machine("router"), network.machine("server"))
            #expect(try await client.output(of: "hostname; ip -o -4 addr show eth1").contains("192.168.1.1/24"))
            #expect(try await client.output(of: "hostname") == "client")
            #expect(try await router.output(of: "ip -o -4 addr show eth2").contains("192.168.2.2/24"))
            #expect(
                try await client.output(of: "grep -v localhost /etc/hosts | grep -v '^#'")
                    == "192.168.1.1\tclient\n192.168.1.2\trouter\n192.168.2.3\tserver")

            // Neighbours by their names.
            #expect(try await client.sh("ping -c 1 -W 20 router").code == 0)
            #expect(try await server.sh("ping -c 1 -W 20 router").code == 0)

            // The networks are apart: the server's address, looked for on the client's own network, is nobody's.
            #expect(
                try await client.sh(
                    "ip route add 192.168.2.0/24 dev eth1; ping -c 2 -W 2 192.168.2.3; code=$?; ip route del 192.168.2.0/24; exit $code"
                ).code == 1)

            // And joined by the router.
            #expect(try await router.sh("echo 1 >/proc/sys/net/ipv4/ip_forward").code == 0)
            #expect(try await client.sh("ip route add 192.168.2.0/24 via 192.168.1.2").code == 0)
            #expect(try await server.sh("ip route add 192.168.1.0/24 via 192.168.2.2").code == 0)
            #expect(try await client.sh("ping -c 1 -W 20 server").code == 0)
            #expect(try await client.output(of: "traceroute -n -q 1 -w 20 server").contains("192.168.1.2"))

            // A transfer over TCP, byte for byte.
            #expect(
                try await server.sh(
                    "mkfifo /tmp/open; (exec 3<>/tmp/open; nc -l -p 5000 <&3 >/tmp/received; touch /tmp/done) >/dev/null 2>&1 </dev/null &"
                ).code == 0)
            let sum = try await client.output(
                of: """
                    dd if=/dev/urandom of=/tmp/sent bs=64k count=64 2>/dev/null
                    until nc server 5000 </tmp/sent; do sleep 0.1; done; md5sum </tmp/sent
                    """)
            let received = try await server.output(of: "until [ -e /tmp/done ]; do sleep 0.1; done; md5sum </tmp/received")
            #expect(received == sum)

            // All of them go with one command.
            #expect(try await network.directory.vm(["down", "--all"]).run().code == 0)
            #expect(try await network.launcher.waitForEnd() == 0)
        }
    }

    @Test func eightVMsComeUpAtOnce() async throws {
        let names = (1...8).map { "vm\($0)" }
        let list = names.map { "{\"name\": \"\($0)\", \"memorySize\": 256, \"ephemeral\": true, \(Network.kernel)}" }
        try await withNetwork("{\"vms\": [\(list.joined(separator: ","))]}") { network in
            try await network.waitUntilStarted()
            #expect(network.launcher.errors.contains("8 of 8 up"), "\(network.launcher.errors)")
            #expect(Set(try await network.directory.guests().filter { $0.state == .ready }.map(\.name)) == Set(names))
            for name in names { #expect(try await network.machine("vm1").sh("ping -c 1 -W 30 \(name)").code == 0) }
        }
    }

    @Test func oneVMsFailureIsToldAndDoesNotEndTheOthers() async throws {
        let directory = try VMDirectory()
        let rubbish = try directory.privateFile("rubbish.raw", [UInt8](repeating: 7, count: 1 << 20))
        let json = """
            {"vms": [
              {"name": "good", "ephemeral": true, \(Network.kernel)},
              {"name": "full", "diskImage": "\(rubbish)", \(Network.kernel)},
              {"name": "none", "ephemeral": true, "kernel": "/no/such/kernel"}
            ]}
            """
        try await withNetwork(json) { network in
            try await network.waitUntilStarted()
            let said = network.launcher.errors
            #expect(said.contains("1 of 3 up"), "\(said)")
            #expect(said.contains("none: no such kernel: /no/such/kernel"), "\(said)")
            #expect(said.contains("none has not booted: exit code 255, as told above"), "\(said)")
            #expect(said.contains("full did not boot (format-empty-disk: "), "\(said)")
            #expect(said.contains("), but can be entered: vm shell full"), "\(said)")
            #expect(try await network.machine("good").output(of: "echo fine") == "fine")
            // What failed can be entered.
            #expect(try await network.machine("full").output(of: "echo enterable") == "enterable")
            network.launcher.signal(SIGTERM)
            #expect(try await network.launcher.waitForEnd() == 255)
        }
    }

    @Test func aDetachedNetworkGoesOnUntilItIsPoweredOff() async throws {
        let directory = try VMDirectory()
        let file = try directory.privateFile(
            "network.yaml",
            """
            vms:
              - name: one
                ephemeral: true
                kernel: \(Checkout.kernel)
                modules: \(Checkout.modules)
            """.utf8)
        try await MachineSlots.withSlot {
            let up = try await directory.vm(["up", "--detach", file]).run()
            #expect(up.code == 0, "\(up)")
            #expect(up.errors.contains("1 of 1 up: socat \(directory.file("one.socket")) stdio"), "\(up)")
            let shell = try await directory.socat("one.socket", input: "echo from the socket\n").run()
            #expect(shell.text == "from the socket\n", "\(shell)")
            #expect(try await directory.vm(["down", "one"]).run().code == 0)
            await directory.expectNothingLeft()
        }
    }

    @Test func withoutABackdoorNothingIsMadeInTheDirectory() async throws {
        let json = "{\"vms\": [{\"name\": \"closed\", \"ephemeral\": true, \(Network.kernel)}]}"
        try await withNetwork(json, options: ["--no-backdoor"]) { network in
            try await network.waitUntilStarted()
            #expect(network.launcher.errors.contains("1 of 1 up"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: network.directory.path).isEmpty)
        }
    }

    @Test func whenVmUpIsKilledItsVMsEnd() async throws {
        let json = "{\"vms\": [{\"name\": \"orphan\", \"ephemeral\": true, \(Network.kernel)}]}"
        let directory = try VMDirectory()
        let file = try directory.privateFile("network.json", json.utf8)
        try await MachineSlots.withSlot {
            let network = Network(directory: directory, launcher: try RunningProgram(directory.vm(["up", file])))
            try await network.waitUntilStarted()
            network.launcher.signal(SIGKILL)
            _ = try await network.launcher.waitForEnd()
            try await eventually("the processes to end", within: .seconds(60)) { directory.processes().isEmpty }
        }
    }

    @Test func aFileWithFaultsStartsNothing() async throws {
        let directory = try VMDirectory()
        let file = try directory.privateFile("bad.json", "{\"vms\": [{\"name\": \"a\", \"cores\": -1}]}\n".utf8)
        let up = try await directory.vm(["up", file]).run()
        #expect(up.code == 255)
        #expect(up.errors == "vm: \(file):1:33: vms[0].cores: must be a number from 1 to 255 (processors), not '-1'\n", "\(up)")
        await directory.expectNothingLeft()
    }

    @Test func aCardWithoutASwitchIsToldOfWithTheWayOut() async throws {
        let directory = try VMDirectory()
        let run = try await directory.vmRun(["--vlan", "7"], command: ["true"], name: "guest", isVerbose: false).run()
        #expect(run.code == 255)
        #expect(
            run.errors.contains("--vlan 7: $QEMU_VDE_SOCKET_7 does not name the directory of a vde_switch; start the VMs with vm up"),
            "\(run)")
        await directory.expectNothingLeft()
    }
}

/// What else is new on one VM's network and disks.
@Suite(.tellsStory) struct MachineOptionTests {
    @Test func theGuestHasTheMemoryAndTheProcessorsThatWereAskedFor() async throws {
        try await withMachine(["--ephemeral", "--cores", "2", "--memory", "300"]) { machine in
            try await machine.waitUntilReady()
            #expect(try await machine.output(of: "nproc") == "2")
            let memory = Int(try await machine.output(of: "awk '/^MemTotal/ { print $2 }' /proc/meminfo")) ?? 0
            // The kernel's own part is not in it.
            #expect((200 << 10...300 << 10).contains(memory), "\(memory) KiB")
        }
    }

    @Test func aPortOfTheHostLeadsIntoTheGuestAndEmptyDisksAreThere() async throws {
        // Free again for QEMU.
        let port = try UnusedPort().number
        try await withMachine(["--ephemeral", "--forward", "\(port):8000", "--empty-disk", "8M", "--empty-disk", "16M"]) { machine in
            try await machine.waitUntilReady()
            #expect(try await machine.output(of: "cat /sys/block/vdb/size /sys/block/vdc/size") == "16384\n32768")
            #expect(try await machine.sh("(while :; do echo hello | nc -l -p 8000; done) >/dev/null 2>&1 </dev/null &").code == 0)
            let answer: String = try await eventually("the guest's port to answer", every: .milliseconds(300)) {
                let result = try await machine.directory.program("/usr/bin/socat", ["-t5", "-", "TCP:127.0.0.1:\(port)"]).run()
                return result.text.isEmpty ? nil : result.text
            }
            #expect(answer == "hello\n")
        }
    }

    @Test func withTheFullNetworkThereIsANameServerAndAWayOut() async throws {
        try await withMachine(["--ephemeral", "--network", "full"]) { machine in
            try await machine.waitUntilReady()
            #expect(
                try await machine.output(of: "cat /etc/resolv.conf; ip route | grep -o '^default.*eth0'")
                    == "nameserver 10.0.2.3\ndefault via 10.0.2.2 dev eth0")
        }
    }
}
