import Foundation
import Testing

/// A network of VMs that a test runs with `vm up`.
struct Network {
    let directory: VMDirectory
    /// The `vm up` itself.
    let launcher: RunningProgram

    /// One of its VMs.
    func machine(_ name: String) -> Machine { Machine(name: name, directory: directory, launcher: launcher) }

    /// Waits until `vm up` has said how the start went.
    func waitUntilStarted() async throws {
        try await eventually("vm up to tell how the start went", within: .seconds(400), every: .milliseconds(200)) {
            if let code = launcher.code { throw MachineIsGone(name: "vm up", awaited: "to tell how the start went", code: code) }
            return launcher.errors.contains(" up: socat ") || launcher.errors.contains(" up\n")
        }
    }

    /// The keys of each VM that say what kernel it boots.
    static let kernel = "\"kernel\": \"\(Checkout.kernel)\", \"modules\": \"\(Checkout.modules)\""
}

/// Runs a network around `body`, when there is no other VM, and ends it. Nothing of it may be left then.
func withNetwork<Value>(_ json: String, options: [String] = [], _ body: (Network) async throws -> Value) async throws -> Value {
    let directory = try VMDirectory()
    let file = try directory.privateFile("network.json", json.utf8)
    return try await MachineSlots.withEverySlot {
        let network = Network(directory: directory, launcher: try RunningProgram(directory.vm(["up"] + options + [file])))
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body(network))
        } catch {
            outcome = .failure(FailureWithStory(cause: error, story: "--- vm up's last words:\n\(network.launcher.errors.suffix(8000))"))
        }
        for signal in [SIGTERM, SIGINT] { network.launcher.signal(signal) }
        _ = try? await Task { try await network.launcher.waitForEnd(within: .seconds(90)) }.value
        await directory.expectNothingLeft()
        return try outcome.get()
    }
}
