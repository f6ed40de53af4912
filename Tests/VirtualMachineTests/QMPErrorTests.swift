import Foundation
import HostTools
import LinuxSystem
import Testing

@testable import VirtualMachine

/// What is told of a QEMU that does not do what it is asked; its place is taken by `socat` and a script.
@Suite struct QMPErrorTests {
    private func fault(of script: String?, _ directory: TemporaryDirectory) async throws -> String {
        let path = "\(directory.path)/qmp"
        var server: ChildProcess?
        if let script {
            let file = try directory.write("script", script)
            server = try Program("/usr/bin/socat", ["UNIX-LISTEN:\(path)", "EXEC:/bin/sh \(file)"], environment: ["PATH=/usr/bin:/bin"])
                .start()
            try await eventually { isListening(path) }
        }
        defer { if let server { end(server) } }
        do throws(QMPError) {
            var connection = try QMPConnection.open(path: path, timeout: .seconds(2))
            try connection.execute(.quit, timeout: .seconds(2))
            return "no error"
        } catch {
            return error.description
        }
    }

    private static let greeting = #"echo '{"QMP": {"version": {}, "capabilities": []}}'; read line; "#

    @Test(arguments: [
        (nil, "cannot reach QEMU at "), ("exit", "QEMU closed its control connection"), ("echo hello", "QEMU sent what is not QMP: "),
        ("sleep 60", "QEMU did not answer in time (waited for its greeting)"),
        (
            greeting + #"echo '{"return": {}}'; read line; echo '{"error": {"class": "GenericError", "desc": "no"}}'; read line"#,
            "QEMU refused quit: no"
        ),
    ])
    func isToldWithWhatWasTried(script: String?, words: String) async throws {
        let told = try await fault(of: script, TemporaryDirectory())
        #expect(told.hasPrefix(words), "\(told)")
    }
}
