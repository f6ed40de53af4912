/// What a stream is for: the name in its `open` frame and in `CONNECT NAME SERVICE`.
public enum Service: String, CaseIterable, Sendable {
    /// A root shell. After `accepted`: raw bytes both ways; either end may half-close.
    case shell
    /// A command. After `accepted`: `command` from the client, then frames until `ended`.
    case exec
    /// Files from the client into the guest. After `accepted`: `copyRequest`, then frames until `copyResult`.
    case copyIn = "copy-in"
    /// Files from the guest to the client. After `accepted`: `copyRequest`, then frames until `copyResult`.
    case copyOut = "copy-out"
    /// The boot's steps, past and to come. After `accepted`: `step` and `boot` frames from the agent until the link ends.
    case events
    /// Asks the guest to power off. `accepted` says that it has begun.
    case powerOff = "power-off"
}
