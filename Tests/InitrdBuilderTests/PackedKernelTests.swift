import Foundation
import HostTools
import Testing

@testable import InitrdBuilder

/// The kernel that Debian ships, and frames that the lz4 and zstd programs pack.
@Suite struct PackedKernelTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A legacy frame of `bytes`, by the real program.
    private func frame(_ bytes: [UInt8]) throws -> [UInt8] {
        let file = try directory.write("content", bytes)
        return try Tool.run("lz4", "-l", "-9", "-q", "-c", file).bytes
    }

    /// As `bzImage` has it: what counts of the header, the payload, and its size unpacked.
    private func image(_ payload: [UInt8], size: UInt32) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: 1024)
        func put(_ value: UInt32, at place: Int) {
            for index in 0..<4 { image[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
        }
        image[0x1F1] = 1
        put(0x5372_6448, at: 0x202)
        put(0x20F, at: 0x206)
        put(0, at: 0x248)
        put(UInt32(payload.count + 4), at: 0x24C)
        return image + payload + (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
    }

    @Test(arguments: [0, 1, 13, 100, 65_536, 9 << 20]) func whatLZ4PacksIsUnpacked(_ count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        // Runs, repeats near and far, and noise.
        var content: [UInt8] = []
        while content.count < count {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: content += [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 7_000)
            case 1 where content.count > 300: content += Array(content[(content.count - Int.random(in: 1...300, using: &random))...])
            default: content += random.bytes(40)
            }
        }
        content = Array(content.prefix(count))
        let packed = try frame(content)
        if count == 0 {
            #expect(throws: CompressionError.self) { try LZ4.decompressLegacy(packed[...], size: 1) }
            return
        }
        let isTheSame = try LZ4.decompressLegacy(packed[...], size: count) == content
        #expect(isTheSame)
        #expect(throws: CompressionError.self) { try LZ4.decompressLegacy(packed[...], size: count + 1) }
        #expect(throws: CompressionError.self) { try LZ4.decompressLegacy(packed.dropLast(), size: count) }
    }

    @Test func aDamagedFrameIsRefusedOrWrongAndNeverMore() throws {
        let content = (0..<5_000).map { UInt8(truncatingIfNeeded: $0 / 7 &* 31) }
        let packed = try frame(content)
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var damaged = packed
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let output = try? LZ4.decompressLegacy(damaged[...], size: content.count) { #expect(output.count == content.count) }
        }
    }

    @Test func debiansKernelIsUnpackedOnceAndHasADirectEntry() throws {
        let kernel = try KernelTree().kernel
        let cache = UnpackedKernelCache(directory: "\(directory.path)/cache")
        let path = try #require(try cache.kernel(of: kernel))
        #expect(try Tool.run("file", "-b", path).text.hasPrefix("ELF 64-bit LSB executable, x86-64"))
        let first = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        #expect(try cache.kernel(of: kernel) == path)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == first)
    }

    @Test func whatIsPackedByZstandardIsUnpackedToo() throws {
        let content = [UInt8](repeating: 42, count: 100_000)
        let packed = try Compression.zstd(level: 3).apply(to: content)
        let isTheSame = try PackedKernel(image: image(packed, size: 100_000))?.unpacked() == content
        #expect(isTheSame)
    }

    @Test func whatQEMUCannotEnterIsLeftAsItIs() throws {
        let cache = UnpackedKernelCache(directory: "\(directory.path)/cache")
        let content = [UInt8](repeating: 1, count: 5_000)
        let noEntry = image(try frame(content), size: 5_000)
        let other = image([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0], size: 5_000)
        for (index, image) in [noEntry, other, [UInt8](repeating: 0, count: 4096), Array("text".utf8)].enumerated() {
            #expect(try cache.kernel(of: directory.write("image-\(index)", image)) == nil)
        }
        #expect(throws: InitrdError.self) { try cache.kernel(of: "/no/such/kernel") }
    }

    @Test func anImageThatLiesAboutItsPayloadIsNoKernel() throws {
        var image = image([1, 2, 3, 4, 5, 6, 7, 8], size: 8)
        image[0x24F] = 0xFF
        #expect(PackedKernel(image: image) == nil)
        for length in stride(from: 0, to: image.count, by: 97) { #expect(PackedKernel(image: Array(image[..<length])) == nil) }
    }
}
