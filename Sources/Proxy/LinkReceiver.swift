internal import CLinux
internal import ControlProtocol
internal import LinuxSystem

/// Takes links from helpers: a name and a descriptor each. A thread of its own, because NIO cannot receive descriptors.
struct LinkReceiver: Sendable {
    private let listener: FileDescriptor
    let path: String
    private let wakeRead: FileDescriptor
    private let wakeWrite: FileDescriptor

    /// Listens in `directory`.
    init(directory: String) throws(SocketFileError) {
        path = "\(directory)/\(ControlSocket.linksName)"
        listener = try SocketFile.listen(path)
        do throws(Errno) {
            (wakeRead, wakeWrite) = try FileDescriptor.pipe()
        } catch {
            listener.close()
            unlink(path)
            throw .failed(path: path, call: "pipe", error)
        }
    }

    /// Receives until `stop`, from those that the gate admits; `receive` owns the descriptor that it is given. Blocks its thread.
    func run(
        _ gate: PeerGate, refused: (PeerGate.Peer) -> Void, receive: (_ guest: String, _ link: FileDescriptor) -> Void
    ) {
        while true {
            var requests = (
                pollfd(fd: listener.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeRead.rawValue, events: Int16(POLLIN), revents: 0)
            )
            let ready = withUnsafeMutablePointer(to: &requests) {
                $0.withMemoryRebound(to: pollfd.self, capacity: 2) { poll($0, 2, -1) }
            }
            if ready > 0, requests.1.revents != 0 { return }
            if ready > 0, requests.0.revents != 0 { acceptOne(gate, refused, receive) }
        }
    }

    /// Ends `run`, and removes the socket file. Call it once.
    func stop() {
        try? wakeWrite.writeAll([0])
        unlink(path)
    }

    /// Closes everything, after `run` has returned.
    func close() { for descriptor in [listener, wakeRead, wakeWrite] { descriptor.close() } }

    private func acceptOne(
        _ gate: PeerGate, _ refused: (PeerGate.Peer) -> Void, _ receive: (_ guest: String, _ link: FileDescriptor) -> Void
    ) {
        let connection = linux_accept(listener.rawValue, 2_000)
        guard connection >= 0 else { return }
        defer { CLinux.close(connection) }
        guard let peer = PeerGate.peer(of: connection) else { return }
        guard gate.admits(peer) else { return refused(peer) }
        var buffer = [UInt8](repeating: 0, count: 128)
        var passed: CInt = -1
        let count = buffer.withUnsafeMutableBytes { linux_receive_descriptor(connection, $0.baseAddress, $0.count, &passed) }
        guard passed >= 0 else { return }
        let name = count > 0 ? String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) : ""
        guard ControlSocket.fault(inGuestName: name) == nil else {
            CLinux.close(passed)
            return
        }
        receive(name, FileDescriptor(rawValue: passed))
    }
}
