internal import AgentProtocol
internal import LinuxSystem

/// Why an entry could not be put in its place, or not with all its attributes.
struct CopyFault: Error {
    var path: [UInt8]
    var text: String
    var severity = CopyProblem.Severity.error

    // Out of line: there are many of them, and the agent is to be small.
    @inline(never) init(_ path: [UInt8], _ text: String) { (self.path, self.text) = (path, text) }

    @inline(never) init(_ path: [UInt8], _ action: String, _ error: Errno) {
        self.init(path, action.isEmpty ? error.description : action + ": " + error.description)
        // What comes next would meet these, too.
        if error == .noSpace || error == .overQuota || error == .readOnlyFileSystem { severity = .fatal }
    }

    /// `path` is something that a copy does not replace.
    @inline(never) init(_ path: [UInt8], special: String) {
        self.init(path, "is a " + special + ", which a copy does not replace")
    }

    /// What arrived is not what was sent.
    static func damaged(_ path: [UInt8]) -> CopyFault {
        CopyFault(path, "was damaged on its way: its checksum is not the sender's; nothing was written")
    }

    /// Makes a system call for `path`.
    static func wrapping<Value>(
        _ path: [UInt8], _ action: String = "", _ call: () throws(Errno) -> Value
    ) throws(CopyFault) -> Value {
        do throws(Errno) { return try call() } catch { throw CopyFault(path, action, error) }
    }
}
