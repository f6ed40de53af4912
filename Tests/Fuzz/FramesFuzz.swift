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
    precondition(found == expected)
    precondition(cut.bufferedCount == whole.bufferedCount && cut.takeRemainder() == whole.takeRemainder())
    asAClients(bytes.dropFirst(), piece, expected)
    for frame in expected { decodePayload(frame) }
    // The first byte serves as a frame's type, too: payloads are reached without a header that fits.
    if let type = FrameType(rawValue: bytes[0] & 0x7F) { decodePayload(Frame(type, bytes.dropFirst())) }
    return 0
}

/// The same frames but for the input, whose pieces come earlier and together are the same.
private func asAClients(_ bytes: ArraySlice<UInt8>, _ piece: Int, _ expected: [Frame]) {
    var decoder = ClientFrames()
    var found: [Frame] = []
    var rest = bytes
    while !rest.isEmpty {
        decoder.append(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        while let frame = try? decoder.next() { found.append(frame) }
    }
    precondition(found.filter { $0.type != .standardInput } == expected.filter { $0.type != .standardInput })
    let input = found.filter { $0.type == .standardInput }.flatMap(\.payload)
    precondition(input.starts(with: expected.filter { $0.type == .standardInput }.flatMap(\.payload)))
}

private func frames(_ decoder: inout FrameDecoder) -> [Frame] {
    var found: [Frame] = []
    while let frame = try? decoder.next() { found.append(frame) }
    return found
}

/// What decodes encodes to what decodes to the same.
private func decodePayload(_ frame: Frame) {
    let payload = frame.payload
    switch frame.type {
    case .open: target(frame.text)
    case .command: same(try? Command(decoding: payload)) { try Command(decoding: $0.encoded()[...]) }
    case .resize: same(try? TerminalSize(decoding: payload)) { try TerminalSize(decoding: $0.encoded()[...]) }
    case .attach: same(try? AttachRequest(decoding: payload)) { try AttachRequest(decoding: $0.encoded()[...]) }
    case .kill: same(try? KillRequest(decoding: payload)) { try KillRequest(decoding: $0.encoded()[...]) }
    case .started: same(try? SessionStart(decoding: payload)) { try SessionStart(decoding: $0.encoded()[...]) }
    case .ended: same(try? ExitStatus(decoding: payload)) { try ExitStatus(decoding: $0.encoded()[...]) }
    case .inputTaken:
        same(try? InputAllowance.decode(payload)) { count in
            precondition((0...InputAllowance.initial).contains(count))
            return try InputAllowance.decode(InputAllowance.encoded(count)[...])
        }
    case .skipped: same(try? SkippedOutput.decode(payload)) { try SkippedOutput.decode(SkippedOutput.encoded($0)[...]) }
    case .agent: same(try? AgentReport(decoding: payload)) { try AgentReport(decoding: $0.encoded()[...]) }
    // These cut what is too long when they encode: the first encoding may differ from the payload, the second may not.
    case .session:
        same((try? SessionReport(decoding: payload)).flatMap { try? SessionReport(decoding: $0.encoded()[...]) }) {
            try SessionReport(decoding: $0.encoded()[...])
        }
    case .step: if let step = try? StepReport(decoding: payload) { precondition((try? StepReport(decoding: step.encoded()[...])) != nil) }
    case .boot: if let boot = try? BootReport(decoding: payload) { precondition((try? BootReport(decoding: boot.encoded()[...])) != nil) }
    case .copyRequest: same(try? CopyRequest(decoding: payload)) { try CopyRequest(decoding: $0.encoded()[...]) }
    case .copyEntry: same(try? CopyEntry(decoding: payload)) { try CopyEntry(decoding: $0.encoded()[...]) }
    case .copyResult: same(try? CopyResult(decoding: payload)) { try CopyResult(decoding: $0.encoded()[...]) }
    // This one, too, cuts what is too long.
    case .copyProblem:
        same((try? CopyProblem(decoding: payload)).flatMap { try? CopyProblem(decoding: $0.encoded()[...]) }) {
            try CopyProblem(decoding: $0.encoded()[...])
        }
    case .accepted, .refused, .standardInput, .endOfInput, .signal, .standardOutput, .standardError, .writer, .done, .failed,
        .copyData, .copyHole, .copyFileEnd, .copyAbandon, .copyLeave, .copyEnd:
        _ = frame.text
    }
}

private func same<Value: Equatable>(_ value: Value?, _ again: (Value) throws -> Value) {
    guard let value else { return }
    let second = try? again(value)
    precondition(second == value)
}

private func target(_ service: String) {
    let name = service.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard name.count == 2, Service(rawValue: String(name[0])) == .connect else { return }
    guard let target = try? ConnectTarget(String(name[1])) else { return }
    same(target) { try ConnectTarget(String($0.service.dropFirst(8))) }
    _ = target.text
}
