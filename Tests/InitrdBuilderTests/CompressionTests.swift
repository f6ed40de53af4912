import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct CompressionTests {
    static func sample(_ size: Int) -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(size))
        // Half noise, half repetition, as programs are.
        return random.bytes(size / 2) + [UInt8](repeating: 0x55, count: size - size / 2)
    }

    @Test(arguments: [1, 3, 19]) func zstdUnpacksWhatWePacked(_ level: Int) throws {
        for size in [0, 1, 4096, 300_001] {
            let bytes = CompressionTests.sample(size)
            let packed = try Compression.zstd(level: level).apply(to: bytes)
            #expect(try Tool.run("zstd", "-dcq", input: packed).bytes == bytes)
            // The frame says its size and carries a checksum: damage is noticed when the guest boots, not later.
            #expect(packed.count <= max(size, 16))
            #expect(try Compression.zstd(level: level).apply(to: bytes) == packed)
        }
    }

    @Test func aDamagedFrameIsNoticed() throws {
        var packed = try Compression.zstd(level: 3).apply(to: CompressionTests.sample(10_000))
        packed[packed.count / 2] ^= 1
        #expect(try !Tool.outcome(["zstd", "-dcq"], input: packed).isSuccess)
        #expect(throws: CompressionError.self) { try Zstandard.decompress(packed, limit: 1 << 20) }
    }

    @Test(arguments: [0, -1, 20, 100]) func aLevelThatZstdDoesNotHaveIsRefused(_ level: Int) {
        let error = #expect(throws: CompressionError.unsupportedLevel(level)) { try Compression.zstd(level: level).apply(to: [1]) }
        #expect(error?.description.hasPrefix("zstd level \(level) is not supported; give one from 1 to ") == true)
    }

    @Test func withoutCompressionTheBytesStayAsTheyAre() throws {
        #expect(try Compression.none.apply(to: [1, 2, 3]) == [1, 2, 3])
    }

    @Test(arguments: ["-1", "-19", "--no-check", "--no-content-size"]) func weUnpackWhatZstdPacked(_ option: String) throws {
        let bytes = CompressionTests.sample(700_000)
        let packed = try Tool.run("zstd", "-cq", option, input: bytes).bytes
        #expect(try Zstandard.decompress(packed, limit: bytes.count) == bytes)
        // Frames may follow each other, as `cat` makes them.
        #expect(try Zstandard.decompress(packed + packed, limit: 2 * bytes.count) == bytes + bytes)
        let limit = bytes.count - 1
        let error = #expect(throws: CompressionError.tooLarge(limit: limit)) { try Zstandard.decompress(packed, limit: limit) }
        #expect(error?.description == "its content is larger than 699999 bytes")
    }

    @Test func aFrameCutShortAnywhereIsAnError() throws {
        let packed = try Tool.run("zstd", "-cq", input: CompressionTests.sample(2_000)).bytes
        for length in 0..<packed.count {
            #expect(throws: CompressionError.self) { try Zstandard.decompress(Array(packed[..<length]), limit: 1 << 20) }
        }
    }

    @Test(arguments: 0..<8) func randomBytesNeverTrapTheDecoder(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let packed = try Compression.zstd(level: 1).apply(to: CompressionTests.sample(3_000))
        for _ in 0..<200 {
            var bytes = packed
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
            if let result = try? Zstandard.decompress(bytes, limit: 1 << 20) { #expect(result.count <= 1 << 20) }
        }
    }
}
