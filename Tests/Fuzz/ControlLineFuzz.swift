// Compiled together with Sources/ControlProtocol by Tests/Fuzz/run.

/// A request line is understood or refused; what is understood is written as it was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let line = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    if let request = try? ControlRequest(line: line) {
        let again = try? ControlRequest(line: request.line)
        precondition(again == request)
        switch request {
        case .connect(let guest, _, _), .guest(let guest, _), .logs(let guest, _), .watch(let guest):
            // A guest's name becomes a file's.
            precondition(!guest.contains("/") && !guest.hasPrefix("."))
            precondition(ControlSocket.guestName(ofLinkSocket: ControlSocket.linkSocketName(of: guest)) == guest)
        case .status: break
        }
    }
    if let request = GuestRequest(line: line) {
        precondition(GuestRequest(line: request.line) == request)
        if case .process(let identifier) = request { precondition(identifier > 1) }
    }
    _ = ControlSocket.guestName(ofLinkSocket: line)
    return 0
}
