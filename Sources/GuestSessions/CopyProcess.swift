public import AgentProtocol
internal import CLinux
internal import FileCopy
internal import LinuxSystem

/// A copy in a process of its own, which has its stream in place of the standard input and output: a slow disk does not stop the sessions, and
/// what goes wrong in it stays in it.
public enum CopyProcess {
    /// Does one copy; returns the exit code. The client learns of everything through the stream.
    public static func run(_ service: Service) -> CInt {
        var ring: SharedRing?
        if service == .copyIn {
            // See `SessionProcess.Streams.ring`.
            do throws(Errno) { ring = try SharedRing(FileDescriptor(rawValue: 2)) } catch {
                writeKernelLog(.error, "a copy cannot map the memory that it reads from: \(error.description)")
                return 1
            }
        }
        let channel = CopyChannel(input: FileDescriptor(rawValue: 0), ring: ring, output: FileDescriptor(rawValue: 1))
        // A client that is gone is an end of the stream or a write that fails; both leave time to clean up.
        for signal in [SIGHUP, SIGPIPE] { linux_ignore_signal(signal) }
        linux_raise_descriptor_limit()
        do throws(Errno) {
            // Standard error is the stream, too, or the ring: nothing may get into it.
            let nothing = try FileDescriptor.open("/dev/null", .write)
            _ = dup2(nothing.rawValue, 2)
            for descriptor in [0, 1] { try FileDescriptor(rawValue: CInt(descriptor)).setNonBlocking() }
        } catch { return 1 }
        do throws(CopyFailure) {
            if service == .copyIn {
                _ = try TreeReceiver.ofAgent(channel).receive()
            } else {
                let (request, rest) = try channel.readRequest()
                _ = try TreeSender(request, channel: channel, early: rest).send(request.path)
            }
            return 0
        } catch {
            if case .violation(let error) = error { writeKernelLog(.notice, "a copy ended: \(error.text)") }
            return 1
        }
    }
}

extension SessionProcess {
    /// How much a pipe of a copy should hold: a few of its frames.
    private static let pipeSize: CInt = 512 << 10

    /// Starts a copy.
    static func copy(_ service: Service, _ environment: SessionEnvironment) throws(SessionStartFailure) -> SessionProcess {
        let streams = service == .copyIn ? Streams.ring : .shell
        let process = try start(streams, group: environment.controlGroup) { () throws(SessionStartFailure) in environment.copy(service) }
        if service == .copyOut { process.input?.setPipeCapacity(pipeSize) }
        process.output.setPipeCapacity(pipeSize)
        return process
    }
}
