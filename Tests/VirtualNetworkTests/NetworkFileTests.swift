import Foundation
import Testing

@testable import VirtualNetwork

@Suite struct NetworkFileTests {
    private func parse(_ text: String) throws(NetworkFileError) -> NetworkDescription {
        try NetworkFile.parse(Data(text.utf8), name: "network.json", base: "/base")
    }

    private func faults(_ text: String) -> [String] {
        do throws(NetworkFileError) {
            _ = try parse(text)
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    @Test func aNameIsEnoughAndTheFirstNetworkIsTheDefault() throws {
        #expect(try parse(#"{"vms": [{"name": "a"}]}"#) == NetworkDescription(vms: [VMDescription(name: "a")]))
        #expect(VMDescription(name: "a").vlans == [1])
    }

    @Test func jsonAndYAMLSayTheSame() throws {
        let json = """
            {\t"vms": [{"name": "web", "vlans": [1, 2], "memorySize": 1024, "forwards": [{"hostPort": 8080, "guestPort": 80}],
              "ephemeral": true, "kernelParameters": ["a=b", "c"]}], "backdoor": false}
            """
        let yaml = """
            # A comment.
            backdoor: false
            vms:
              - name: web
                vlans: [1, 2]
                memorySize: 1024
                ephemeral: true
                forwards:
                  - hostPort: 8080
                    guestPort: 80
                kernelParameters:
                  - a=b
                  - c
            """
        let network = try parse(json)
        #expect(try parse(yaml) == network)
        #expect(network.vlans == [1, 2])
        #expect(!network.hasBackdoor)
        #expect(network.vms[0].forwards == ["tcp:127.0.0.1:8080:80"])
    }

    @Test func pathsAreMeantFromTheFileAndDisksFromWhereTheVMsRun() throws {
        let vm = try parse(
            #"{"vms": [{"name": "a", "kernel": "k/vmlinuz", "system": "/nix/store/s", "diskImage": "./a.qcow2", "store": "none"}]}"#
        )
        .vms[0]
        #expect(vm.kernel == "/base/k/vmlinuz")
        #expect(vm.system == "/nix/store/s")
        #expect(vm.diskImage == "./a.qcow2")
        #expect(vm.store == "none")
    }

    @Test func aVMHasABootLoaderUEFIAndATPMWhereThatIsSaid() throws {
        let vms = try parse(
            #"{"vms": [{"name": "a", "bootLoader": true, "tpm": null}, {"name": "b", "efi": true, "tpm": true, "bootLoader": false}]}"#
        ).vms
        #expect(vms.map(\.hasBootLoader) == [true, false])
        #expect(vms.map(\.hasEFI) == [false, true])
        #expect(vms.map(\.hasTPM) == [false, true])
        #expect(
            faults(#"{"vms": [{"name": "a", "bootLoader": "grub"}]}"#)
                == ["network.json:1:38: vms[0].bootLoader: must be true or false, not 'grub'"])
    }

    @Test func directoriesOfTheHostAreMounted() throws {
        let vm = try parse(
            #"{"vms": [{"name": "a", "root": "tmpfs", "share": "cifs", "shares": [{"source": "src", "target": "/s"}, "#
                + #"{"name": "w", "source": "/w", "target": "/w", "writable": true}]}]}"#
        ).vms[0]
        #expect(vm.mounts == ["/base/src:/s", "/w:/w:rw"])
        #expect(vm.root == "tmpfs")
        #expect(vm.share == "cifs")
        #expect(
            faults(#"{"vms": [{"name": "a", "shares": [{"source": "a:b", "target": "/s"}, {"source": "/a", "target": "s"}]}]}"#).count == 2)
        #expect(faults(#"{"vms": [{"name": "a", "root": "host", "ephemeral": true}]}"#).count == 1)
        #expect(faults(#"{"vms": [{"name": "a", "writableStoreUseTmpfs": false}]}"#).count == 1)
        #expect(faults(#"{"vms": [{"name": "a", "writableStore": true, "root": "tmpfs", "writableStoreUseTmpfs": false}]}"#).count == 1)
    }

    @Test func whatCannotBeIsToldWithWhatCan() {
        for (vm, words) in [
            (#""shares": [{"source": "a:b", "target": "/s"}]"#, "'a:b' has a colon, which separates the two for vm run --mount"),
            (#""shares": [{"source": "/a", "target": "s"}]"#, "'s' must be an absolute path in the guest"),
            (#""shares": [{"source": "/a"}]"#, "'source' and 'target' must be given"),
            (#""root": "host", "ephemeral": true"#, "a root that is no disk leaves no use for 'ephemeral' and 'diskImage'"),
            (#""kernel": []"#, "kernel: must be a text, not "), (#""kernel": """#, "kernel: must not be empty"),
            (#""kernel": "a\u0000b""#, "kernel: must not have a zero byte"),
            (#""writableStoreUseTmpfs": false"#, "a store that is not writable has no layer: set 'writableStore', or leave this out"),
            (
                #""root": "host", "writableStore": true, "writableStoreUseTmpfs": false"#,
                "a root that is no disk has no room for the store's layer"
            ),
            (#""root": "cd""#, "root: must be disk, tmpfs, host, not 'cd'"),
        ] {
            let told = faults("{\"vms\": [{\"name\": \"a\", \(vm)}]}")
            #expect(told.count == 1 && told[0].contains(words), "\(vm): \(told)")
        }
        let many = (1...255).map { "{\"name\": \"vm\($0)\"}" }.joined(separator: ", ")
        #expect(faults("{\"vms\": [\(many)]}").contains { $0.hasSuffix("there may be 254 VMs at most") })
    }

    @Test func whatIsNullCountsAsAbsent() throws {
        #expect(try parse(#"{"vms": [{"name": "a", "kernel": null, "vlans": null}]}"#).vms == [VMDescription(name: "a")])
    }

    @Test func everyFaultIsToldWithItsLineAndColumn() {
        let text = """
            {
              "vms": [
                {"name": "a", "memorySize": "much", "memroySize": 7},
                {"name": "a", "cores": 0},
                {"vlans": [1]},
                {"name": "vm proxy", "vlans": [1, 1, 255]}
              ],
              "backdoor": "yes"
            }
            """
        #expect(
            faults(text) == [
                "network.json:8:15: backdoor: must be true or false, not 'yes'",
                "network.json:3:41: vms[0]: there is no key 'memroySize'; is memorySize meant?",
                "network.json:3:33: vms[0].memorySize: must be a number from 32 to 1048576 (MiB), not 'much'",
                "network.json:4:28: vms[1].cores: must be a number from 1 to 255 (processors), not '0'",
                "network.json:4:14: vms[1].name: 'a' is the name of vms[0].name, too",
                "network.json:5:5: vms[2]: 'name' is missing",
                "network.json:6:14: vms[3].name: 'vm proxy' cannot be a VM's name: it may have letters, digits, '.', '_' and '-' only",
                "network.json:6:39: vms[3].vlans[1]: the network 1 is there twice",
                "network.json:6:42: vms[3].vlans[2]: must be a number from 1 to 254 (as a network's number), not '255'",
            ])
    }

    @Test(arguments: [
        ("", "network.json:1:1: the file is empty"),
        ("[]", "network.json:1:1: must be an object with names and values, not a list"),
        ("{}", "network.json:1:1: 'vms', the list of the VMs, is missing"),
        (#"{"vms": []}"#, "network.json:1:9: vms: there must be a VM at least"),
        (#"{"vms": {}}"#, "network.json:1:9: vms: must be a list, not an object"),
        (#"{"vms": ["a"]}"#, "network.json:1:10: vms[0]: must be an object with names and values, not 'a'"),
        (#"{"vms": [{"name": ""}]}"#, "network.json:1:19: vms[0].name: must not be empty"),
        (
            #"{"vms": [{"name": "a", "ephemeral": true, "diskImage": "d"}]}"#,
            "network.json:1:56: vms[0].diskImage: an ephemeral VM takes a disk of its own: leave one of them out"
        ),
        (
            #"{"vms": [{"name": "a", "forwards": [{"hostPort": 1}]}]}"#,
            "network.json:1:37: vms[0].forwards[0]: 'hostPort' and 'guestPort' must be given"
        ),
        (
            #"{"vms": [{"name": "a", "forwards": [{"hostPort": 1, "guestPort": 2, "hostAddress": "::1"}]}]}"#,
            "network.json:1:84: vms[0].forwards[0].hostAddress: '::1' is no IPv4 address, as 127.0.0.1"
        ),
        (
            #"{"vms": [{"name": "a", "accelerator": "warp"}]}"#,
            "network.json:1:39: vms[0].accelerator: must be kvm, tcg, auto, not 'warp'"
        ),
    ])
    func aFileThatIsNoNetworkIsToldOfInOneLine(text: String, fault: String) { #expect(faults(text).first == fault) }

    @Test(arguments: [
        #"{"vms": [{"name": "a""#, "vms: [", "a: b: c", "\u{0}", "{\"vms\": [{\"name\": \"a\", \"name\": \"b\"}]}", "&a [*a]",
    ])
    func whatIsNeitherJSONNorYAMLIsToldWithItsPlace(text: String) throws {
        let fault = try #require(faults(text).first)
        #expect(fault.wholeMatch(of: /network\.json:\d+:\d+: .+/) != nil, "\(fault)")
    }

    @Test func aFileThatIsNotThereIsNamed() {
        #expect(throws: NetworkFileError.self) { try NetworkFile.read("/nowhere/network.json") }
        #expect(faultOfReading("/nowhere/network.json")?.hasPrefix("cannot read the network /nowhere/network.json: ") == true)
        #expect(faultOfReading("/tmp")?.hasPrefix("cannot read the network /tmp: ") == true)
    }

    private func faultOfReading(_ path: String) -> String? {
        do throws(NetworkFileError) {
            _ = try NetworkFile.read(path)
            return nil
        } catch {
            return error.description
        }
    }

    /// Editors check files with the schema, and `vm up` with its own reader: they must know the same keys.
    @Test func theSchemaHasTheKeysThatAreRead() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/network.schema.json")
        let schema = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
        let network = try #require(schema["properties"] as? [String: Any])
        let vm = try #require(((network["vms"] as? [String: Any])?["items"] as? [String: Any])?["properties"] as? [String: Any])
        let forward = try #require(((vm["forwards"] as? [String: Any])?["items"] as? [String: Any])?["properties"] as? [String: Any])
        #expect(network.keys.sorted() == NetworkFile.networkKeys.sorted())
        #expect(vm.keys.sorted() == NetworkFile.keys.sorted())
        let share = try #require(((vm["shares"] as? [String: Any])?["items"] as? [String: Any])?["properties"] as? [String: Any])
        #expect(share.keys.sorted() == NetworkFile.shareKeys.sorted())
        #expect(forward.keys.sorted() == NetworkFile.forwardKeys.sorted())
    }

    /// Whatever the file holds, reading it ends with a network or a fault.
    @Test(arguments: 0..<200) func noBytesBreakTheReader(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        var bytes = Array(#"{"vms": [{"name": "a", "vlans": [1, 2], "forwards": [{"hostPort": 1, "guestPort": 2}]}]}"#.utf8)
        for _ in 0...random(6) {
            switch random(3) {
            case 0: bytes[random(bytes.count)] = UInt8(random(256))
            case 1: bytes.remove(at: random(bytes.count))
            default: bytes.insert(Array(#"[]{}:,"*&!|>- "#.utf8)[random(14)], at: random(bytes.count))
            }
        }
        _ = try? NetworkFile.parse(Data(bytes), name: "f", base: "/")
    }
}
