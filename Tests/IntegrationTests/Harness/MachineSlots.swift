import Foundation

/// How many VMs run at a time: each keeps a processor busy while it boots, and many then wait for something. Whoever comes first is served first.
actor MachineSlots {
    private static let shared = MachineSlots(count: min(ProcessInfo.processInfo.activeProcessorCount + 1, 8))

    let count: Int
    private var free: Int
    private var isGathering = false
    private var gatherers: [CheckedContinuation<Void, Never>] = []
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(count: Int) { (self.count, free) = (count, count) }

    /// Runs `body` when there is a place.
    static func withSlot<Value>(_ body: () async throws -> Value) async throws -> Value {
        await shared.take()
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        await shared.giveBack()
        return try outcome.get()
    }

    /// Runs `body`, which boots several VMs, when there is no other VM.
    static func withEverySlot<Value>(_ body: () async throws -> Value) async throws -> Value {
        await shared.takeAll()
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        for _ in 0..<shared.count { await shared.giveBack() }
        return try outcome.get()
    }

    /// One after the other: two that each had some would wait for ever.
    private func takeAll() async {
        while isGathering { await withCheckedContinuation { gatherers.append($0) } }
        isGathering = true
        for _ in 0..<count { await take() }
        isGathering = false
        if !gatherers.isEmpty { gatherers.removeFirst().resume() }
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
