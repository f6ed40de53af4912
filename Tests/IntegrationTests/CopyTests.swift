import AgentProtocol
import ControlProtocol
import Foundation
import Testing

/// `vm cp`, in a real guest: what arrives is what was sent, and nothing arrives by half.
@Suite(.machine("--store", "none"), .tellsStory) struct CopyTests {
    /// What `find` tells of everything below a directory, and the sums of its files.
    static let description = """
        cd "$0" && find . -mindepth 1 -printf '%P\\t%y %m %s %l %n %T@\\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        """

    @Test func aTreeComesBackAsItWentIn() async throws {
        let machine = try Machine.shared
        let directory = machine.directory
        try await directory.script(
            """
            mkdir -p tree/empty tree/deep/er && cd tree
            head -c 3000000 /dev/urandom > data; chmod 640 data; touch -d '2001-02-03 04:05:06.789' data
            ln data deep/hard; ln -s ../data deep/er/link; ln -s /no/such dangling
            truncate -s 200M sparse; printf end >> sparse
            printf x > "$(printf 'new\\nline')"; printf y > "$(printf 'not\\377utf8')"; : > '-n'; : > 'a:b'
            mkdir locked; printf z > locked/in; chmod 500 locked; chmod 1777 empty; touch -d 2010-10-10 empty deep
            """)
        let copied = try await directory.vm(["cp", "-r", "./tree", "\(machine.name):/root/in"]).run()
        #expect(copied.code == 0, "\(copied)")
        #expect(try await machine.output(of: "stat -c '%a %s' /root/in/data; readlink /root/in/deep/er/link") == "640 3000000\n../data")
        // In the guest too, a hole takes no room: 200 MiB with 3 bytes in them.
        #expect(Int(try await machine.output(of: "du -k /root/in/sparse | cut -f1")) ?? .max < 1_000)
        let back = try await directory.vm(["cp", "-r", "\(machine.name):/root/in", "back"]).run()
        #expect(back.code == 0, "\(back)")
        let sent = try await directory.script(Self.description, argument: "tree").text
        let returned = try await directory.script(Self.description, argument: "back").text
        #expect(sent == returned)
        #expect(try await directory.script("du -k back/sparse | cut -f1").text.trimmingCharacters(in: .newlines).count <= 3)
    }

    /// In a tmpfs of the agent's a file gets large pages, and holes in them are holes.
    @Test func aFileInMemoryIsInLargePagesAndItsHolesTakeNoRoom() async throws {
        let machine = try Machine.shared
        try await machine.directory.script(
            """
            mkdir large && cd large
            head -c 5000001 /dev/urandom > whole
            # In blocks of 4 KiB, of which a large page has 512: holes in one, two in one, into the next, and at the end.
            for at in 0:300 350:50 500:10 700:900 1700:300; do
              dd if=/dev/urandom of=patchy bs=4k seek=${at%:*} count=${at#*:} conv=notrunc status=none
            done
            truncate -s 12M patchy
            """)
        let copied = try await machine.directory.vm(["cp", "-r", "./large", "\(machine.name):/run/large"]).run()
        #expect(copied.code == 0, "\(copied)")
        #expect(Int(try await machine.output(of: "awk '/^ShmemHugePages/ { print $2 }' /proc/meminfo")) ?? 0 >= 2048)
        #expect(Int(try await machine.output(of: "du -k /run/large/patchy | cut -f1")) ?? .max <= 1_560 * 4)
        let sums = "sha256sum whole patchy"
        #expect(
            try await machine.output(of: "cd /run/large && \(sums)")
                == machine.directory.script("cd large && \(sums)").text.trimmingCharacters(in: .newlines))
        _ = try await machine.output(of: "rm -r /run/large")
    }

    @Test func standardStreamsAreCopiedToo() async throws {
        let machine = try Machine.shared
        let stored = try await machine.directory.vm(["cp", "-", "\(machine.name):note"], input: Array("from a pipe\n".utf8)).run()
        #expect(stored.code == 0, "\(stored)")
        let read = try await machine.directory.vm(["cp", "\(machine.name):/root/note", "-"]).run()
        #expect(read.text == "from a pipe\n", "\(read)")
    }

    /// A client written from docs/protocol.md, with socat: it has said all before anything is read, and ends its side.
    @Test func aClientThatSendsAllAndHalfClosesGetsItsResult() async throws {
        let machine = try Machine.shared
        let content = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
        var writer = CopyWriter()
        writer.add(.copyRequest, CopyRequest(path: Array("/root/whole".utf8)).encoded())
        _ = writer.add(CopyEntry(.file(size: UInt64(content.count), link: 0)))
        var offset = 0
        while offset < content.count {
            offset += writer.addData(upTo: content.count - offset) { room in
                room.copyBytes(from: content[offset..<min(content.count, offset + room.count)])
                return min(content.count - offset, room.count)
            }
        }
        writer.endFile()
        writer.add(.copyEnd)
        var input = Array("CONNECT \(machine.name) copy-in\n".utf8)
        writer.write {
            input += $0
            return $0.count
        }
        let client = machine.directory.program("/usr/bin/socat", ["-t200", "-", "UNIX:\(ControlSocket.name)"], input: input)
        let answer = try await client.run()
        let result = Frame(.copyResult, CopyResult(entries: 1, bytes: UInt64(content.count), errors: 0).encoded()[...]).encoded()
        #expect(answer.output.elementsEqual(Array("OK\n".utf8) + result), "\(answer)")
        #expect(try await machine.output(of: "stat -c %s /root/whole") == "\(content.count)")
    }

    @Test func aFullDiskInTheGuestIsToldAndLeavesNoHalfFile() async throws {
        let machine = try Machine.shared
        _ = try await machine.output(of: "mkdir -p /small && mount -t tmpfs -o size=1m small /small && echo old > /small/file")
        try await machine.directory.script("head -c 4000000 /dev/urandom > big")
        let result = try await machine.directory.vm(["cp", "./big", "\(machine.name):/small/file"]).run()
        #expect(result.code == 1, "\(result)")
        #expect(result.errors.contains("No space left on device"), "\(result)")
        #expect(try await machine.output(of: "ls -A /small; cat /small/file") == "file\nold")
    }

    @Test func aClientThatIsKilledLeavesNoHalfFile() async throws {
        let machine = try Machine.shared
        _ = try await machine.output(of: "mkdir -p /broken && mount -t tmpfs broken /broken")
        // A source that never ends: the copy is surely in its middle. Its file has no name yet, but takes room.
        let client = try RunningProgram(
            machine.directory.program("/bin/sh", ["-c", "exec '\(Checkout.vm)' cp - \(machine.name):/broken/file < /dev/urandom"]))
        let room = "df -k /broken | awk 'NR == 2 { print $3 }'"
        try await eventually("bytes to arrive") { Int(try await machine.output(of: room)) ?? 0 > 1_000 }
        client.signal(SIGKILL)
        _ = try await client.waitForEnd()
        try await eventually("what there was of the file to go") { try await machine.output(of: "\(room); ls -A /broken") == "0" }
    }

    @Test func anOwnerThatCannotBeIsTold() async throws {
        let machine = try Machine.shared
        _ = try await machine.output(of: "echo owned > owned && chown 1234 owned")
        let script = "exec unshare -r \"\(Checkout.vm)\" cp --owner \(machine.name):owned mine"
        let result = try await machine.directory.program("/bin/sh", ["-c", script]).run()
        #expect(result.code == 0 || result.code == 1, "\(result)")
        #expect(result.errors.contains("is copied, but not its owner: Invalid argument"), "\(result)")
        #expect(try await machine.directory.script("cat mine").text == "owned\n")
    }

    @Test func whatIsNotThereIsNamed() async throws {
        let machine = try Machine.shared
        let missing = try await machine.directory.vm(["cp", "\(machine.name):/no/such", "."]).run()
        #expect(missing.code == 1, "\(missing)")
        #expect(missing.errors.contains("/no/such") && missing.errors.contains("No such file or directory"), "\(missing)")
        let here = try await machine.directory.vm(["cp", "./nothing", "\(machine.name):"]).run()
        #expect(here.code == 1 && here.errors.contains("nothing"), "\(here)")
        let guest = try await machine.directory.vm(["cp", "./nothing", "gesut:"]).run()
        #expect(guest.code != 0 && guest.errors.contains("guest"), "\(guest)")
    }
}
