/// How a boot that has failed is to go on: what `vm-agent resume` asks of PID 1.
public enum ResumeRequest: Equatable, Sendable {
    /// Not at all: say what has failed and what can be done.
    case explain
    /// With the step that failed.
    case retry
    /// With the step after the one that failed.
    case skip
    /// With the step of this name.
    case from(String)

    /// The packet's text, of which a step's name may be the end.
    var text: String {
        switch self {
        case .explain: "explain"
        case .retry: "retry"
        case .skip: "skip"
        case .from(let step): "from " + step
        }
    }

    init?(text: String) {
        switch text {
        case "explain": self = .explain
        case "retry": self = .retry
        case "skip": self = .skip
        default:
            guard text.utf8.starts(with: "from ".utf8) else { return nil }
            self = .from(String(decoding: text.utf8.dropFirst(5), as: UTF8.self))
        }
    }

    /// The place in `plan` to go on from, after the step at `failed`; nil for `explain`.
    ///
    /// - Parameter isSwitched: the root has been switched, so what comes before in the plan has lost its place.
    func start(in plan: BootPlan, failed: Int, isSwitched: Bool) throws(StepFailure) -> Int? {
        let name: String
        switch self {
        case .explain: return nil
        case .retry: return failed
        case .skip: return failed + 1
        case .from(let step): name = step
        }
        // After the switch only what comes after it can be begun with.
        var isPossible = !isSwitched
        var found: Int?
        var names = ""
        for (place, step) in plan.steps.enumerated() {
            if isPossible {
                if step.name == name { found = place }
                names += (names.isEmpty ? "" : ", ") + step.name
            }
            if case .switchRoot = step { isPossible = true }
        }
        if let found { return found }
        throw StepFailure("there is no step '" + name + "' that this boot can go on from: there are " + names)
    }
}

/// The text for whoever enters a guest whose boot has failed.
public enum Rescue {
    /// What has failed, why, and what can be done.
    static func text(step: String, reason: String) -> String {
        "The boot has stopped at the step " + step + ": " + reason + "\n" + advice + "\n"
    }

    /// How to go on.
    public static let advice =
        "'vm-agent resume' tries the step again and boots on from there; --skip goes on without it, --from STEP with another"
}
