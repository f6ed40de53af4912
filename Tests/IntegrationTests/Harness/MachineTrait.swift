import Testing

/// One booted VM for all tests of a suite: `@Suite(.machine("--writable-store"))`. A test finds it with `Machine.shared`.
struct MachineTrait: SuiteTrait, TestScoping {
    var options: [String]

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withMachine(options) { machine in
            try await machine.waitUntilReady()
            try await function()
        }
    }
}

/// Adds what the VM had to say to every issue of its tests.
extension Trait where Self == IssueHandlingTrait {
    static var tellsStory: Self {
        .compactMapIssues { issue in
            guard let story = Machine.current?.story else { return issue }
            var issue = issue
            issue.comments.append(Comment(rawValue: story))
            return issue
        }
    }
}

extension Trait where Self == MachineTrait {
    static func machine(_ options: String...) -> Self { MachineTrait(options: options) }
}

extension Machine {
    /// The VM that the suite runs for its tests.
    static var shared: Machine {
        get throws {
            guard let current else { throw NoMachine() }
            return current
        }
    }
}

/// A test asks for its suite's VM, and the suite has none.
struct NoMachine: Error {}
