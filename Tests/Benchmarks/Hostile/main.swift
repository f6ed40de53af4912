// How long other guests wait while one attacks: bench-hostile [SECONDS]. Real vm-proxy and vm-agent, from beside this program.
import CLinux
import ControlProtocol
import Foundation
import HostileGuest
import LinuxSystem

let seconds = CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 5
let programs = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).deletingLastPathComponent()
let directory = FileManager.default.temporaryDirectory.appendingPathComponent("hostile-\(getpid())").path
try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: directory) }

func path(_ name: String) -> String { "\(directory)/\(name)" }
func start(_ name: String, _ arguments: [String], output: LinuxSystem.FileDescriptor? = nil) throws -> ChildProcess {
    var program = Program(programs.appendingPathComponent(name).path, arguments, environment: ["PATH=/usr/bin:/bin"])
    program.standardOutput = output
    return try program.start()
}
func end(_ process: ChildProcess) {
    process.signal(SIGKILL)
    _ = process.pidfd.waitUntilReadable(milliseconds: 5_000)
    _ = process.end()
    process.pidfd.close()
}
func connect(_ name: String) throws -> LinuxSystem.FileDescriptor {
    let descriptor = linux_connect_unix(path(name))
    guard descriptor >= 0 else { throw Errno.current }
    return LinuxSystem.FileDescriptor(rawValue: descriptor)
}

/// Attacks until the time is over, with a new link when one is cut.
final class Attacker: @unchecked Sendable {
    private let end: UInt64
    private let done = DispatchSemaphore(value: 0)

    // Both are constant.
    init(_ attack: Attack, seconds: Double) {
        end = Uptime.microseconds + UInt64(seconds * 1e6)
        let guest = HostileGuest(linkSocket: path(ControlSocket.linkSocketName(of: "bad")))
        Thread.detachNewThread { [self] in
            while Uptime.microseconds < end { try? guest.run(attack) { Uptime.microseconds >= self.end } }
            done.signal()
        }
    }

    func wait() { _ = done.wait(timeout: .now() + 30) }
}

/// Clients of the guest that attacks, which connect again when they are cut off.
func startClients(_ clients: Attack.Clients, until end: UInt64) {
    guard clients != .none else { return }
    for _ in 0..<2 {
        Thread.detachNewThread {
            while Uptime.microseconds < end {
                guard let client = try? connect(ControlSocket.name) else { return }
                try? client.writeAll(Array("CONNECT bad shell now\n".utf8))
                var buffer = [UInt8](repeating: 65, count: 64 << 10)
                while Uptime.microseconds < end {
                    if clients == .writing {
                        guard send(client.rawValue, buffer, buffer.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT)) >= 0 || errno == EAGAIN else {
                            break
                        }
                        usleep(1_000)
                    } else if clients == .silent {
                        guard recv(client.rawValue, &buffer, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) != 0 else { break }
                        usleep(1_000)
                    } else {
                        let count = recv(client.rawValue, &buffer, buffer.count, CInt(MSG_DONTWAIT))
                        guard count > 0 || (count < 0 && errno == EAGAIN) else { break }
                        if count < 0 { usleep(100) }
                    }
                }
                client.close()
            }
        }
    }
}

func peakMemory(_ process: ChildProcess) -> String {
    let status = (try? String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return "\((line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) >> 10) MiB"
}

func measure(_ attack: Attack?) throws {
    let ready = try LinuxSystem.FileDescriptor.pipe()
    let proxy = try start(
        "vm-proxy", ["--directory", directory, "--ready-fd", "1", "--guest", "good", "--guest", "bad"], output: ready.writeEnd)
    ready.writeEnd.close()
    defer { end(proxy) }
    guard ready.readEnd.waitUntilReadable(milliseconds: 30_000) else { return print("vm-proxy does not begin") }
    ready.readEnd.close()
    let agent = try start("vm-agent", ["connect", "--socket", path(ControlSocket.linkSocketName(of: "good"))])
    defer { end(agent) }
    let shell = try connect(ControlSocket.shellSocketName(of: "good"))
    defer { shell.close() }
    try shell.writeAll(Array("exec cat\n".utf8))
    var byte: UInt8 = 0
    func echo() -> UInt64 {
        let began = Uptime.microseconds
        guard send(shell.rawValue, &byte, 1, CInt(MSG_NOSIGNAL)) == 1, shell.waitUntilReadable(milliseconds: 30_000),
            recv(shell.rawValue, &byte, 1, 0) == 1
        else { return .max }
        return Uptime.microseconds - began
    }
    _ = echo()
    let end = Uptime.microseconds + UInt64(seconds * 1e6)
    startClients(attack?.clients ?? .none, until: end)
    let attacker = attack.map { Attacker($0, seconds: seconds) }
    var times: [UInt64] = []
    while Uptime.microseconds < end {
        times.append(echo())
        if times.last == .max { break }
    }
    attacker?.wait()
    times.sort()
    let show = { (time: UInt64) in time == .max ? "never" : String(format: "%.2f ms", Double(time) / 1e3) }
    print(
        "| \(attack?.rawValue ?? "none") | \(show(times[times.count / 2])) | \(show(times[times.count * 99 / 100])) | \(show(times[times.count - 1])) | "
            + "\(times.count) | \(peakMemory(proxy)) |")
    fflush(nil)
}

print(
    "| attack, for \(seconds) s | median echo of another guest | 99 % | longest | echoes | memory of the proxy |\n|---|---|---|---|---|---|"
)
try measure(nil)
for attack in Attack.allCases { try measure(attack) }
