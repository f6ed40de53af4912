// Compiled together with what reads a console, a kernel's log and a user's keys by Tests/Fuzz/run.

/// Bytes for or from a terminal, in pieces of any size, give the same as in one piece, and no control character gets through.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1, let start else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let input = bytes[2...]
    let piece = max(1, Int(bytes[0]))
    console(input, piece)
    keys(input, piece, canDetach: bytes[1] & 1 != 0)
    if let record = KernelLogRecord(input) { precondition(!record.line.contains(0x0A) && !record.text.contains(0x0A)) }
    return 0
}

private func console(_ input: ArraySlice<UInt8>, _ piece: Int) {
    var whole = ConsoleTail(capacity: 8)
    let expected = whole.append(input)
    var cut = ConsoleTail(capacity: 8)
    var found: [String] = []
    for part in parts(input, piece) { found += cut.append(part) }
    precondition(found == expected)
    precondition(cut.finish() == whole.finish() && cut == whole && whole.lines.count <= 8)
    for line in whole.lines {
        precondition(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        // What was not UTF-8 has become U+FFFD, three bytes for one.
        precondition(line.utf8.count <= 3 * ConsoleTail.maximumLineLength)
    }
}

private func keys(_ input: ArraySlice<UInt8>, _ piece: Int, canDetach: Bool) {
    var whole = EscapeParser(canDetach: canDetach)
    let expected = whole.parse(input)
    var cut = EscapeParser(canDetach: canDetach)
    var found: [EscapeParser.Action] = []
    for part in parts(input, piece) {
        found += cut.parse(part)
        if found.last == .leave || found.last == .detach { break }
    }
    precondition(joined(found) == joined(expected))
    if !canDetach { precondition(!found.contains(.detach)) }
}

/// With neighbouring bytes in one action.
private func joined(_ actions: [EscapeParser.Action]) -> [EscapeParser.Action] {
    var result: [EscapeParser.Action] = []
    for action in actions {
        if case .send(let more) = action, case .send(let before)? = result.last {
            result[result.count - 1] = .send(before + more)
        } else {
            result.append(action)
        }
    }
    return result
}

private func parts(_ bytes: ArraySlice<UInt8>, _ piece: Int) -> [ArraySlice<UInt8>] {
    stride(from: bytes.startIndex, to: bytes.endIndex, by: piece).map { bytes[$0..<min($0 + piece, bytes.endIndex)] }
}
