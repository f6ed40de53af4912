import Yamux

/// What ended the peer.
struct Fault: Error {
    var text: String
    var isTimeout = false
}

/// The command line: `-role client|server -socket PATH [-listen] [-scenario serve|echo|half-close|reset|all] [-streams N]
/// [-parallel N] [-bytes N] [-window N] [-backlog N] [-pressure] [-timeout SECONDS]`, as the Go program has them.
struct Options {
    var role = YamuxConnection.Role.client
    var socket = ""
    var listens = false
    var scenarios = ["all"]
    var streams = 100
    var parallel = Int.max
    var bytes = 16 << 20
    /// Receive windows grow up to this.
    var window = 256 << 10
    /// Streams of ours that may wait for their acknowledgement.
    var backlog = 256
    /// Take memory away and give it back all the time.
    var hasPressure = false
    var timeout = 60

    init(_ arguments: some Sequence<String>) throws(Fault) {
        var rest = Array(arguments)
        while !rest.isEmpty {
            let name = rest.removeFirst()
            switch name {
            case "-role":
                let value = try Options.value(&rest, of: name)
                guard value == "client" || value == "server" else { throw Fault(text: "-role \(value): client or server") }
                role = value == "client" ? .client : .server
            case "-socket": socket = try Options.value(&rest, of: name)
            case "-listen": listens = true
            case "-pressure": hasPressure = true
            case "-scenario":
                let value = try Options.value(&rest, of: name)
                guard ["serve", "echo", "half-close", "reset", "all"].contains(value) else { throw Fault(text: "no scenario \(value)") }
                scenarios = [value]
            case "-streams": streams = max(1, try Options.number(&rest, of: name))
            case "-parallel": parallel = max(1, try Options.number(&rest, of: name))
            case "-bytes": bytes = try Options.number(&rest, of: name)
            case "-window": window = try Options.number(&rest, of: name)
            case "-backlog": backlog = try Options.number(&rest, of: name)
            case "-timeout": timeout = try Options.number(&rest, of: name)
            default: throw Fault(text: "no option \(name)")
            }
        }
        if scenarios == ["all"] { scenarios = ["echo", "half-close", "reset"] }
    }

    private static func value(_ rest: inout [String], of name: String) throws(Fault) -> String {
        guard !rest.isEmpty else { throw Fault(text: "\(name) wants a value") }
        return rest.removeFirst()
    }

    private static func number(_ rest: inout [String], of name: String) throws(Fault) -> Int {
        let text = try value(&rest, of: name)
        guard let number = Int(text), number >= 0 else { throw Fault(text: "\(name) \(text): not a number") }
        return number
    }
}
