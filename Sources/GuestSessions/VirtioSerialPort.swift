internal import CLinux
internal import LinuxSystem

/// The virtio-serial port that the launcher named `vm-agent` (`drivers/char/virtio_console.c`).
enum VirtioSerialPort {
    static let name = "vm-agent"

    /// The port's device. Not `/dev/virtio-ports/vm-agent`: udev makes that, and the agent is there before udev.
    static var device: String? {
        let ports = "/sys/class/virtio-ports"
        for port in Files.names(in: ports) where (try? Files.readLine("\(ports)/\(port)/name")) == name { return "/dev/\(port)" }
        return nil
    }

    /// Whether somebody on the host holds the other end. While nobody does, reads give an end-of-file at once, and poll(2)
    /// a hang-up whatever it is asked for: a port is looked at from time to time then, not watched.
    static func isHostConnected(_ port: FileDescriptor) -> Bool {
        var request = pollfd(fd: port.rawValue, events: 0, revents: 0)
        return poll(&request, 1, 0) == 0
    }
}
