import Foundation

/// How many VMs run at a time: each keeps a processor busy while it boots. Whoever comes first is served first.
actor MachineSlots {
    private static let shared = MachineSlots(count: max(1, min(ProcessInfo.processInfo.activeProcessorCount, 8)))

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(count: Int) { free = count }

    /// Runs `body` when there is a place.
    static func withSlot<Value>(_ body: () async throws -> Value) async throws -> Value {
        await shared.take()
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        await shared.giveBack()
        return try outcome.get()
    }

    private func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
