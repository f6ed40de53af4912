// Compiled together with Sources/ControlProtocol by Tests/Fuzz/run.

/// A request line is understood or refused; what is understood is written as it was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let line = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    if let request = try? ControlRequest(line: line) {
        let again = try? ControlRequest(line: request.line)
        precondition(again == request)
        if case .connect(let guest, _, _) = request { precondition(!guest.contains("/") && !guest.hasPrefix(".")) }
    }
    if let request = GuestRequest(line: line) { precondition(GuestRequest(line: request.line) == request) }
    return 0
}
