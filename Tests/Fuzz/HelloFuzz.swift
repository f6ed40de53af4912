// Compiled together with Sources/AgentProtocol by Tests/Fuzz/run.

/// A hello either decodes, is incomplete, or is refused; what decodes encodes to what decodes to the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    do {
        guard let (hello, length) = try Hello.decode(bytes[...]) else { return 0 }
        precondition(length <= bytes.count)
        // Texts that were not UTF-8 have grown by their replacement characters, and may no longer fit.
        guard let (again, _) = try Hello.decode(hello.encoded()[...]) else { preconditionFailure("an encoded hello is incomplete") }
        precondition(again.token == hello.token)
    } catch {}
    return 0
}
