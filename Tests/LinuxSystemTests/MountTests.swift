import CLinux
import HostTools
import Testing

@testable import LinuxSystem

@Suite struct MountTests {
    @Test func mountPointsAreToldFromDirectories() throws {
        let directory = try TemporaryDirectory()
        #expect(Mount.isMountPoint("/"))
        #expect(Mount.isMountPoint("/proc"))
        #expect(!Mount.isMountPoint("/proc/sys"))
        #expect(!Mount.isMountPoint(directory.path))
        #expect(!Mount.isMountPoint("\(directory.path)/missing"))
        #expect(!Mount.isMountPoint(try directory.write("file", "")))
    }

    @Test func disksThatCanBeWrittenToAreThoseWithADeviceAndAWritableFilesystem() {
        let text = """
            21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            22 21 254:16 / /mnt/a\\040b ro,relatime shared:2 master:1 - xfs /dev/vdb rw,attr2
            23 21 254:32 / /kept rw - ext4 /dev/vdc ro,errors=continue
            24 21 0:25 / /run rw - tmpfs tmpfs rw
            25 21 0:31 / /hostfs rw - cifs //10.0.2.4/qemu rw
            26 21 254:48 / /cut - ext4
            nonsense
            """
        #expect(Mount.writableDisks(mountinfo: Array(text.utf8)) == ["/", "/mnt/a\\040b"])
        #expect(Mount.writableDisks(mountinfo: []).isEmpty)
    }

    @Test func anErrorNamesTheObjectTheActionTheCauseAndTheKernelsWords() {
        let error = MountError(
            source: "//10.0.2.4/qemu", target: "/hostfs", type: "cifs", call: "create", errno: .noSuchFile,
            messages: ["first", "second"])
        #expect(
            error.text
                == "cannot mount //10.0.2.4/qemu on /hostfs (cifs): create: No such file or directory (errno 2); first; second")
    }

    @Test func aFilesystemThatCannotBeMountedLeavesTheTypedCause() throws {
        let directory = try TemporaryDirectory()
        let error = try #require(throws: MountError.self) {
            try Mount.filesystem("no-such-filesystem", source: "none", on: directory.path)
        }
        #expect(error.source == "none")
        #expect(error.target == directory.path)
        #expect(error.type == "no-such-filesystem")
        #expect(error.call == "fsopen")
        // Without the privilege the kernel does not even look for the type.
        #expect(error.errno == Errno(geteuid() == 0 ? ENODEV : EPERM) || error.errno == Errno(EPERM))
        #expect(throws: MountError.self) { try Mount.move(directory.path, to: "\(directory.path)/missing") }
        #expect(throws: MountError.self) { try Mount.bind("\(directory.path)/missing", on: directory.path) }
        #expect(throws: MountError.self) { try Mount.setAttributes(.readOnly, of: "\(directory.path)/missing") }
    }
}
