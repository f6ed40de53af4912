import CZstd

/// The zstd format, by libzstd.
enum Zstandard {
    static let levels: ClosedRange<Int> = 1...19

    /// One frame that holds `bytes`, with its size and checksum. The same bytes and level give the same frame.
    static func compress(_ bytes: [UInt8], level: Int) throws(CompressionError) -> [UInt8] {
        guard let context = ZSTD_createCCtx() else { throw .failed("out of memory") }
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        var result = 0
        let output = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { buffer, count in
            result = ZSTD_compress2(context, buffer.baseAddress, buffer.count, bytes, bytes.count)
            count = ZSTD_isError(result) == 0 ? result : 0
        }
        guard ZSTD_isError(result) == 0 else { throw .failed(String(cString: ZSTD_getErrorName(result))) }
        return output
    }

    /// The content of the frames in `bytes`, which may be at most `limit` bytes.
    static func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
        guard let context = ZSTD_createDCtx() else { throw .failed("out of memory") }
        defer { ZSTD_freeDCtx(context) }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
        var position = 0
        var pending = 1
        while position < bytes.count || pending > 0 {
            var written = 0
            let (result, consumed) = bytes.withUnsafeBytes { source in
                chunk.withUnsafeMutableBytes { target in
                    var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: position)
                    var room = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    let result = ZSTD_decompressStream(context, &room, &input)
                    written = room.pos
                    return (result, input.pos)
                }
            }
            guard ZSTD_isError(result) == 0 else { throw .failed(String(cString: ZSTD_getErrorName(result))) }
            if written == 0, consumed == position, result > 0 { throw .failed("the data ends too early") }
            output.append(contentsOf: chunk[..<written])
            guard output.count <= limit else { throw .tooLarge(limit: limit) }
            (position, pending) = (consumed, result)
        }
        return output
    }
}
