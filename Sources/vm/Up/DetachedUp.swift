import Foundation
import LinuxSystem
import ProxyClient

/// `vm up --detach`: the network is run by a process of its own, and this one ends when that has said how the start went.
struct DetachedUp {
    let file: String
    let options: UpCommand
    let signals: SignalInbox

    /// Gives the exit code of the start.
    func run() throws -> Int32 {
        var arguments = ["up", file, "--directory", options.directory.path, "--boot-timeout", "\(options.bootTimeout)", "--ready-fd", "1"]
        if options.verbose { arguments.append("--verbose") }
        if options.quiet { arguments.append("--quiet") }
        if !options.backdoor { arguments.append("--no-backdoor") }
        let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
        var program = Program("/proc/self/exe", arguments, environment: environment)
        let (ready, readyEnd) = try FileDescriptor.pipe()
        let (errors, errorsEnd) = try FileDescriptor.pipe()
        (program.standardOutput, program.standardError) = (readyEnd, errorsEnd)
        let process = try program.start()
        readyEnd.close()
        errorsEnd.close()
        defer { for descriptor in [ready, errors, process.pidfd] { descriptor.close() } }
        return try follow(process, ready, errors)
    }

    private func follow(_ process: ChildProcess, _ ready: FileDescriptor, _ errors: FileDescriptor) throws -> Int32 {
        var answer: UInt8?
        var isReadyOpen = true
        var isErrorsOpen = true
        while isErrorsOpen {
            var interests = [
                pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isReadyOpen ? ready.rawValue : -1, events: Int16(POLLIN), revents: 0),
            ]
            // Bounded by the other process, which bounds the boots.
            guard poll(&interests, 3, -1) >= 0 || errno == EINTR else { throw Failure("poll: \(Errno.current)") }
            while let signal = signals.next() { process.signal(signal) }
            if interests[1].revents != 0 {
                isErrorsOpen = try relay(errors)
                continue
            }
            if interests[2].revents != 0 {
                var byte: UInt8 = 0
                let count = try withUnsafeMutableBytes(of: &byte) { try ready.read(into: $0) } ?? 0
                isReadyOpen = false
                if count > 0 {
                    answer = byte
                    break
                }
            }
        }
        if let answer { return answer == UInt8(ascii: "0") ? 0 : Failure.ownCode }
        guard process.pidfd.waitUntilReadable(milliseconds: 10_000), case .exited(let code)? = process.end() else { return Failure.ownCode }
        return Int32(code)
    }

    /// Passes on what the other process says; false at its end.
    private func relay(_ errors: FileDescriptor) throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let count = try chunk.withUnsafeMutableBytes { try errors.read(into: $0) } ?? 0
        Terminal.write(String(decoding: chunk[..<count], as: UTF8.self))
        return count > 0
    }
}
