// Compiled together with Sources/AgentProtocol by Tests/Fuzz/run.

/// Frames in pieces of any size give the same frames as in one piece, and no payload traps its decoder.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 0, let start else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let piece = max(1, Int(bytes[0]))
    var whole = FrameDecoder()
    whole.append(bytes.dropFirst())
    let expected = frames(&whole)
    var cut = FrameDecoder()
    var found: [Frame] = []
    var rest = bytes.dropFirst()
    while !rest.isEmpty {
        cut.append(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        found += frames(&cut)
    }
    precondition(found.map { $0.encoded() } == expected.map { $0.encoded() })
    for frame in expected { decodePayload(frame) }
    decodePayload(Frame(.command, bytes.dropFirst()))
    return 0
}

private func frames(_ decoder: inout FrameDecoder) -> [Frame] {
    var found: [Frame] = []
    while let frame = try? decoder.next() { found.append(frame) }
    return found
}

private func decodePayload(_ frame: Frame) {
    if let command = try? Command(decoding: frame.payload) {
        let again = try? Command(decoding: command.encoded()[...])
        precondition(again == command)
    }
    if let status = try? ExitStatus(decoding: frame.payload) { _ = status.encoded() }
    if let step = try? StepReport(decoding: frame.payload) { _ = step.encoded() }
    if let boot = try? BootReport(decoding: frame.payload) { _ = boot.encoded() }
}
