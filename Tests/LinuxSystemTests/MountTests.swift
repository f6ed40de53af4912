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
