/// What a kernel module and the signature at its end are, apart.
///
/// Source: `include/linux/module_signature.h` and `scripts/sign-file.c` of Linux. At the end of a signed module stand the
/// signature (PKCS #7), 12 bytes about it, the last four its length (big endian), and 28 bytes of text.
struct ModuleSignature {
    /// The module without its signature.
    let module: [UInt8]
    /// All that was behind it, as the kernel wants it there; empty when the module is not signed.
    let signature: [UInt8]

    private static let mark = Array("~Module signature appended~\n".utf8)
    private static let descriptionLength = 12

    /// Parts `bytes`, the content of a `.ko` file.
    init(parting bytes: [UInt8]) {
        let behind = Self.mark.count + Self.descriptionLength
        guard bytes.count > behind, bytes[(bytes.count - Self.mark.count)...] == Self.mark[...] else {
            (module, signature) = (bytes, [])
            return
        }
        let lengthEnd = bytes.count - Self.mark.count
        let length = bytes[(lengthEnd - 4)..<lengthEnd].reduce(0) { $0 << 8 | Int($1) }
        // One that claims more than there is goes to the kernel as it is, which says what is wrong with it.
        guard length <= bytes.count - behind else {
            (module, signature) = (bytes, [])
            return
        }
        let end = bytes.count - behind - length
        module = Array(bytes[..<end])
        signature = Array(bytes[end...])
    }
}
