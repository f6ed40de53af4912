/// The LZ4 format in its legacy frame, which the Linux kernel's own image has: blocks of at most 8 MiB that know nothing of
/// each other, each with its packed size before it.
///
/// Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md and lz4_Frame_format.md, "Legacy frame"
enum LZ4 {
    /// The first bytes of a legacy frame.
    static let legacyMagic: [UInt8] = [0x02, 0x21, 0x4C, 0x18]

    /// The content of a legacy frame, which is exactly `size` bytes.
    ///
    /// - Throws: `failed` for a frame that is damaged or has another size. Nothing outside of `frame` is ever read.
    static func decompressLegacy(_ frame: ArraySlice<UInt8>, size: Int) throws(CompressionError) -> [UInt8] {
        guard frame.starts(with: legacyMagic) else { throw .failed("it is no LZ4 frame") }
        var isWhole = false
        let content = [UInt8](unsafeUninitializedCapacity: size) { output, count in
            isWhole = frame.withUnsafeBytes { Decoder(input: $0, output: UnsafeMutableRawBufferPointer(output)).run() }
            count = isWhole ? size : 0
        }
        guard isWhole else { throw .failed("the LZ4 frame is damaged") }
        return content
    }

    private struct Decoder {
        let input: UnsafeRawBufferPointer
        let output: UnsafeMutableRawBufferPointer
        var place = LZ4.legacyMagic.count
        var end = 0

        init(input: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer) { (self.input, self.output) = (input, output) }

        /// True when the blocks are sound and fill the output.
        func run() -> Bool {
            var decoder = self
            while decoder.end < output.count {
                guard input.count - decoder.place >= 4 else { return false }
                let length = Int(UInt32(littleEndian: input.loadUnaligned(fromByteOffset: decoder.place, as: UInt32.self)))
                decoder.place += 4
                guard length > 0, length <= input.count - decoder.place, decoder.block(until: decoder.place + length) else { return false }
            }
            return decoder.place == input.count
        }

        private mutating func block(until blockEnd: Int) -> Bool {
            while place < blockEnd {
                let token = input[place]
                place += 1
                guard let literals = length(token >> 4, until: blockEnd), literals <= blockEnd - place, literals <= output.count - end
                else { return false }
                UnsafeMutableRawBufferPointer(rebasing: output[end..<end + literals])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[place..<place + literals]))
                (place, end) = (place + literals, end + literals)
                // The last sequence of a block has literals only.
                if place == blockEnd { return true }
                guard blockEnd - place >= 2 else { return false }
                let distance = Int(UInt16(littleEndian: input.loadUnaligned(fromByteOffset: place, as: UInt16.self)))
                place += 2
                guard let more = length(token & 15, until: blockEnd), distance > 0, distance <= end, more + 4 <= output.count - end
                else { return false }
                copy(more + 4, from: distance)
            }
            return true
        }

        /// A length that began with four bits of a token; every byte of 255 goes on.
        private mutating func length(_ start: UInt8, until blockEnd: Int) -> Int? {
            var length = Int(start)
            guard start == 15 else { return length }
            while place < blockEnd {
                let byte = input[place]
                place += 1
                length += Int(byte)
                if byte < 255 { return length }
            }
            return nil
        }

        /// Repeats what was written `distance` bytes ago; it may overlap what it makes.
        private mutating func copy(_ count: Int, from distance: Int) {
            if distance >= count {
                UnsafeMutableRawBufferPointer(rebasing: output[end..<end + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: output[end - distance..<end - distance + count]))
            } else {
                for index in end..<end + count { output[index] = output[index - distance] }
            }
            end += count
        }
    }
}
