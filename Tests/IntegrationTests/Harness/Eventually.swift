/// What a test waited for did not come true.
struct NotInTime: Error, CustomStringConvertible {
    var what: String
    var bound: Duration
    var description: String { "waited \(bound.components.seconds) s for \(what)" }
}

/// Waits until `condition` gives a value. The bound is generous: this machine may be busy with anything.
func eventually<Value>(
    _ what: String, within bound: Duration = .seconds(180), every pause: Duration = .milliseconds(50),
    _ condition: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + bound
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < deadline else { throw NotInTime(what: what, bound: bound) }
        try await Task.sleep(for: pause)
    }
}

/// Waits until `condition` is true.
func eventually(
    _ what: String, within bound: Duration = .seconds(180), every pause: Duration = .milliseconds(50),
    _ condition: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, within: bound, every: pause) { try await condition() ? () : nil }
}
