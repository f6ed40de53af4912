extension GuestStatus {
    /// For whoever enters the guest after its boot has failed: which step did, why, and how to go on; nil when none has.
    public var rescueText: String? {
        guard state == .failed else { return nil }
        return "the boot of \(name) stopped at the step \(detail)\n"
            + "in the guest, 'vm-agent resume' tries that step again and boots on from there; --skip goes on without it, --from STEP with another"
    }
}
