import Foundation

/// One line that QEMU sends over QMP (QEMU's `docs/interop/qmp-spec`).
enum QMPMessage: Equatable {
    /// The first line of a connection.
    case greeting
    /// A command was carried out; the value is JSON text.
    case answer(String)
    /// A command was refused.
    case refusal(String)
    /// Something happened; only its name is kept.
    case event(String)

    /// Reads a line.
    init(line: [UInt8]) throws(QMPError) {
        let object = (try? JSONSerialization.jsonObject(with: Data(line))) as? [String: Any]
        if let event = object?["event"] as? String {
            self = .event(event)
        } else if let error = object?["error"] as? [String: Any] {
            self = .refusal(error["desc"] as? String ?? "no reason given")
        } else if let value = object?["return"] {
            let text = try? JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
            self = .answer(String(decoding: text ?? Data(), as: UTF8.self))
        } else if object?["QMP"] != nil {
            self = .greeting
        } else {
            throw .invalidMessage(String(decoding: line.prefix(200), as: UTF8.self))
        }
    }

    /// The line that asks for `command`, which has no arguments.
    static func request(_ command: String) -> [UInt8] {
        Array("{\"execute\":\"\(command)\"}\r\n".utf8)
    }
}
