import Foundation

/// How long other programs may take at their work.
enum Patience {
    /// `usual` seconds, or what `$VM_PATIENCE` says in their place.
    static func seconds(_ usual: Int) -> Int {
        guard let text = ProcessInfo.processInfo.environment["VM_PATIENCE"], let seconds = Int(text), seconds > 0 else { return usual }
        // As a wait of `poll` can be.
        return min(seconds, 1_000_000)
    }
}
