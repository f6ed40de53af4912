/// What a stream is for: the name in its `open` frame and in `CONNECT NAME SERVICE`, or the part before its first colon.
public enum Service: String, CaseIterable, Sendable {
    /// A root shell. After `accepted`: raw bytes both ways; either end may half-close.
    case shell
    /// A command. After `accepted`: `command` from the client, then frames until `ended`.
    case exec
    /// A detached session: one that was started by `exec` with `Command.isDetached`. After `accepted`: `attach` from the client,
    /// then frames as those of `exec`, from the last output on.
    case attach
    /// The guest's sessions. After `accepted`: a `session` frame for each, then `done`.
    case sessions
    /// A signal for a session. After `accepted`: `kill` from the client, then `done` or `failed` from the agent.
    case kill
    /// Files from the client into the guest. After `accepted`: `copyRequest`, then frames until `copyResult`.
    case copyIn = "copy-in"
    /// Files from the guest to the client. After `accepted`: `copyRequest`, then frames until `copyResult`.
    case copyOut = "copy-out"
    /// The boot's steps, past and to come. After `accepted`: `step` and `boot` frames from the agent until the link ends.
    case events
    /// Asks the guest to power off. `accepted` says that it has begun.
    case powerOff = "power-off"
    /// A connection to a port or socket in the guest: `connect:TARGET`, see `ConnectTarget`. `accepted` says that it is made.
    /// Then raw bytes both ways; either end may half-close.
    case connect
    /// The guest's kernel log. After `accepted`: text, a message a line; `log:follow` goes on until the stream ends.
    case log
    /// What the client sends comes back. After `accepted`: raw bytes, until the client half-closes and all of them are back.
    case echo
    /// How the agent is. After `accepted`: the text of an `AgentReport`.
    case status
}
