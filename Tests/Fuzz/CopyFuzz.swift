// Compiled together with Sources/AgentProtocol by Tests/Fuzz/run.

/// A copy's bytes in pieces of any size give the same events as in one piece, and whatever they are, the events make sense to a
/// receiver that trusts in it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1, let start else { return 0 }
    let expectsRequest = start[0] & 1 == 1
    let piece = max(1, Int(start[0] >> 1))
    let bytes = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
    var whole = Receiver(expectsRequest)
    whole.receive(bytes)
    var cut = Receiver(expectsRequest)
    var position = 0
    while position < bytes.count {
        let end = min(bytes.count, position + piece)
        cut.receive(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
        position = end
    }
    precondition(cut.seen == whole.seen && cut.data == whole.data && cut.hasFailed == whole.hasFailed)
    return 0
}

private struct Receiver {
    var reader: CopyReader
    var seen: [String] = []
    var data: [UInt8] = []
    var hasFailed = false
    private var awaitsRequest: Bool
    private var depth = 0
    private var entries = 0
    private var isInFile = false
    private var hasEnded = false
    private var size: UInt64 = 0
    private var linked: Set<UInt32> = []

    init(_ expectsRequest: Bool) {
        reader = CopyReader(expectsRequest: expectsRequest)
        awaitsRequest = expectsRequest
    }

    mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !hasFailed {
            do throws(ProtocolError) {
                let left = rest.count
                guard let event = try reader.next(&rest) else { return precondition(rest.isEmpty) }
                precondition(rest.count < left)
                check(event)
            } catch {
                hasFailed = true
            }
        }
    }

    private mutating func check(_ event: CopyEvent) {
        precondition(!hasEnded)
        if case .request = event { precondition(awaitsRequest) } else { precondition(!awaitsRequest) }
        switch event {
        case .request(let request):
            awaitsRequest = false
            precondition(request.path.count < 4096 && !request.path.contains(0))
            seen.append("request")
        case .entry(let entry):
            precondition(!isInFile && entry.name.isEmpty == (depth == 0) && (entries == 0) == (depth == 0))
            precondition(entry.name.isEmpty || CopyEntry.isName(entry.name))
            entries += 1
            begin(entry)
            seen.append("entry \(depth)")
        case .data(let bytes):
            precondition(isInFile)
            data += bytes
            grow(UInt64(bytes.count))
        case .hole(let length):
            precondition(isInFile)
            grow(length)
            seen.append("hole \(length) at \(data.count)")
        case .fileEnded(let isIntact):
            precondition(isInFile)
            isInFile = false
            seen.append("file ended \(isIntact) at \(data.count)")
        case .fileAbandoned:
            precondition(isInFile)
            isInFile = false
            seen.append("abandoned at \(data.count)")
        case .left:
            precondition(!isInFile && depth > 0)
            depth -= 1
            seen.append("left")
        case .problem: seen.append("problem at \(data.count)")
        case .ended:
            precondition(!isInFile && depth == 0)
            hasEnded = true
            seen.append("ended")
        }
    }

    private mutating func begin(_ entry: CopyEntry) {
        switch entry.kind {
        case .file(_, let link):
            (isInFile, size) = (true, 0)
            if link != 0 { precondition(linked.insert(link).inserted) }
        case .directory:
            depth += 1
            precondition(depth <= CopyEntry.maximumDepth)
        case .symbolicLink(let target):
            precondition((1...CopyEntry.maximumTargetLength).contains(target.count) && !target.contains(0))
        case .hardLink(let link): precondition(linked.contains(link))
        }
    }

    private mutating func grow(_ length: UInt64) {
        size += length
        precondition(size <= UInt64(Int64.max))
    }
}
