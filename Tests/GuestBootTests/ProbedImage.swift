import HostTools

@testable import GuestBoot

extension DiskImage {
    /// What the agent finds on it.
    func content(vouchedBy entry: String = "/nonexistent") throws(StepFailure) -> DiskContent {
        try DiskProbe.content(of: path, vouchedBy: entry) { _ in }
    }
}
