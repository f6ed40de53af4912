import Foundation
import LinuxSystem
import ProxyClient

/// What ends `vm` with a message: `vm: TEXT`.
struct Failure: Error {
    /// One or more lines, without the final line feed.
    var text: String
    /// The exit code: 255, so that it differs from those of commands in guests.
    var code: Int32

    /// `vm`'s own failure.
    static let ownCode: Int32 = 255

    init(_ text: String, code: Int32 = Failure.ownCode) {
        self.text = text
        self.code = code
    }

    /// An error of others; Foundation's by its file and the system's own word.
    init(_ error: any Error) {
        if let error = error as? CocoaError, let path = error.filePath, let cause = error.underlying as? POSIXError {
            self.init("cannot make \(path): \(Errno(cause.code.rawValue))")
        } else {
            self.init("\(error)")
        }
    }

    /// Runs `body`; what it throws becomes a failure with its own words.
    static func wrapping<Value>(_ body: () throws -> Value) throws(Failure) -> Value {
        do { return try body() } catch let failure as Failure { throw failure } catch {
            if case ProxyClientError.interrupted(let signal) = error { throw Failure("\(error)", code: 128 + signal) }
            throw Failure(error)
        }
    }
}

/// The user's terminal, or where standard error goes instead.
enum Terminal {
    /// Writes `vm: TEXT` to the standard error. Some of it may be a guest's, which may not move the cursor or worse.
    static func say(_ text: String) { write("vm: \(TerminalText.cleaned(text))\n") }

    /// The same for what is no fault.
    static func note(_ text: String) { say(text) }

    /// Writes `text` to the standard error.
    static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Whether standard error is a terminal.
    static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Whether colours may be used there (https://no-color.org).
    static let hasColours = isTerminal && getenv("NO_COLOR") == nil && getenv("TERM").map { String(cString: $0) } != "dumb"
}
