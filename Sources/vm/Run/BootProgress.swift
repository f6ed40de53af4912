import ControlProtocol
import ProxyClient

/// Shows a boot's steps as they happen, on the standard error.
struct BootProgress {
    /// How much is shown.
    enum Style {
        /// Nothing but warnings and failures.
        case quiet
        /// The present step in one line that is wiped at the end: for a terminal.
        case transient
        /// A line a step.
        case lines
    }

    let style: Style
    let name: String
    private var isLineOpen = false

    init(_ style: Style, name: String) {
        self.style = style
        self.name = name
    }

    /// Shows a step's begin, progress or end.
    mutating func show(_ step: StepStatus) {
        if step.state == .warned || step.state == .failed {
            wipe()
            let word = step.state == .warned ? "warning" : "failed"
            Terminal.write("\(coloured(word, step.state)): \(name): \(step.name): \(step.detail)\n")
            return
        }
        switch (style, step.state) {
        case (.transient, .started): replaceLine("\(name): \(step.name)\(step.detail.isEmpty ? "" : ": \(step.detail)") …")
        case (.lines, .started) where !step.detail.isEmpty, (.lines, .succeeded): Terminal.write("\(StepLine.text(step))\n")
        default: break
        }
    }

    /// Shows a note about the run itself.
    mutating func note(_ text: String) {
        guard style != .quiet else { return }
        wipe()
        Terminal.write("vm: \(text)\n")
    }

    /// Shows what is being waited for.
    mutating func waiting(_ text: String) { if style == .transient { replaceLine("\(name): \(text) …") } }

    /// Removes what is only for the moment.
    mutating func wipe() {
        guard isLineOpen else { return }
        Terminal.write("\r\u{1B}[K")
        isLineOpen = false
    }

    private mutating func replaceLine(_ text: String) {
        // A longer line would wrap, and could not be wiped.
        Terminal.write("\r\u{1B}[K\(text.prefix(78))")
        isLineOpen = true
    }

    private func coloured(_ word: String, _ state: StepState) -> String {
        guard Terminal.hasColours else { return word }
        return "\u{1B}[\(state == .failed ? 31 : 33)m\(word)\u{1B}[0m"
    }
}
