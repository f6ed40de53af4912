import Testing

@testable import AgentProtocol

@Suite struct CopyChecksumTests {
    /// The bytes 7, 38, 69 … and what Debian's `xxh64sum` says of the first `count` of them: every length of tail occurs.
    static let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 31 + 7) }
    static let known: [(count: Int, checksum: UInt64)] = [
        (0, 0xef46_db37_51d8_e999), (1, 0xa96c_7f0c_e858_bbb7), (3, 0x56e6_9576_32a4_87f9), (4, 0xc60d_15b1_e3ff_8f04),
        (7, 0xafbe_fc3d_6c6f_9a8e), (8, 0x3da5_c7aa_2696_83e0), (15, 0xae2a_37eb_9357_caa7), (31, 0x4a74_f3a1_a39a_d4a1),
        (32, 0x8d57_d6a4_671c_c43d), (33, 0x62c9_fd21_ed85_7664), (45, 0xaa6a_eb71_98c8_c81c), (63, 0x5c32_0a0d_2707_057f),
        (64, 0x7bba_bbc4_5729_d17e), (100, 0xefa0_ad2d_3e70_c151), (1000, 0x9959_4f48_2804_3d35),
    ]

    @Test(arguments: known) func itIsXXH64(count: Int, checksum: UInt64) {
        var own = CopyChecksum()
        Self.bytes.prefix(count).withUnsafeBytes { own.update($0) }
        #expect(own.value == checksum)
    }

    @Test(arguments: [1, 2, 7, 31, 32, 33, 100]) func howBytesAreDividedMakesNoDifference(piece: Int) {
        var own = CopyChecksum()
        var rest = Self.bytes[...]
        while !rest.isEmpty {
            rest.prefix(piece).withUnsafeBytes { own.update($0) }
            rest = rest.dropFirst(piece)
        }
        #expect(own.value == 0x9959_4f48_2804_3d35)
    }
}
