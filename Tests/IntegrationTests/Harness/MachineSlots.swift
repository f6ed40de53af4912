import Foundation

/// How many VMs run at a time: each keeps a processor busy while it boots, and many then wait for something. Beside them run a few
/// programs of the tests that have no VM, and not those of all these tests at once: a VM would hardly get on meanwhile. Whoever comes
/// first is served first.
actor MachineSlots {
    private static let processors = ProcessInfo.processInfo.activeProcessorCount
    private static let shared = MachineSlots(count: min(processors + 1, 8))
    private static let programs = MachineSlots(count: max(processors, 2))
    /// Whether what runs now has a place, with which come those of the programs that it runs.
    @TaskLocal private static var isHeld = false

    let count: Int
    private var free: Int
    private var isGathering = false
    private var gatherers: [CheckedContinuation<Void, Never>] = []
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(count: Int) { (self.count, free) = (count, count) }

    /// Runs `body` when there is a place.
    static func withSlot<Value>(_ body: () async throws -> Value) async throws -> Value { try await shared.hold(1, body) }

    /// Runs `body`, which boots several VMs, when there is no other VM.
    static func withEverySlot<Value>(_ body: () async throws -> Value) async throws -> Value { try await shared.hold(shared.count, body) }

    /// Runs `body`, which runs a program to its end, when there is a place for that. Inside of the above it has one.
    static func forProgram<Value>(_ body: () async throws -> Value) async throws -> Value {
        isHeld ? try await body() : try await programs.hold(1, body)
    }

    private nonisolated func hold<Value>(_ places: Int, _ body: () async throws -> Value) async throws -> Value {
        if places == 1 { await take() } else { await takeAll() }
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await Self.$isHeld.withValue(true) { try await body() }) } catch { outcome = .failure(error) }
        for _ in 0..<places { await giveBack() }
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
