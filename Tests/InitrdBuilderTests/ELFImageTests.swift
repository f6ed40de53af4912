import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct ELFImageTests {
    @Test(arguments: [
        "mke2fs", "bash", "nix-store", "qemu-img", "busybox", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6",
    ])
    func aFileIsReadAsReadelfReadsIt(_ program: String) throws {
        let path = try Tool.path(program)
        let image = try ELFImage(HostFile.read(path))
        let dynamic = try Tool.run("readelf", "--wide", "--dynamic", path).lines
        func values(_ tag: String) -> [String] {
            dynamic.filter { $0.contains("(\(tag))") }.compactMap { line in
                line.split(separator: "[").last.map { String($0.prefix { $0 != "]" }) }
            }
        }
        #expect(image.needed == values("NEEDED"))
        #expect(image.soname == values("SONAME").first)
        #expect(image.runPath == values("RUNPATH").flatMap { $0.split(separator: ":").map(String.init) })
        let headers = try Tool.run("readelf", "--wide", "--program-headers", path).lines
        let request = headers.first { $0.contains("program interpreter:") }
        #expect(image.interpreter == request.flatMap { $0.split(separator: ": ").last.map { String($0.dropLast()) } })
    }

    @Test func everyFieldIsReadFromAFileOfOurOwn() throws {
        let file = ELFFile(
            interpreter: "/lib/ld.so", needed: ["a.so", "b.so.1"], soname: "me.so", runPath: "$ORIGIN/lib:/opt/lib", rPath: "/old")
        let image = try ELFImage(file.bytes())
        #expect(image.machine == .x86_64)
        #expect(image.interpreter == "/lib/ld.so")
        #expect(image.needed == ["a.so", "b.so.1"])
        #expect(image.soname == "me.so")
        #expect(image.runPath == ["$ORIGIN/lib", "/opt/lib"])
        // A run path takes the place of the older one.
        #expect(image.rPath == [])
        #expect(try ELFImage(ELFFile(rPath: "/old").bytes()).rPath == ["/old"])
        #expect(try ELFImage(ELFFile(machine: 183).bytes()).machine == .aarch64)
    }

    @Test(arguments: [[], [0x7F], Array("#!/bin/sh\n".utf8), [UInt8](repeating: 0, count: 100), Array("MZ".utf8)] as [[UInt8]])
    func whatIsNoELFFileIsRefused(_ bytes: [UInt8]) {
        #expect(throws: ELFError.notELF) { try ELFImage(bytes) }
        #expect(throws: ELFError.notELF) { try ModuleInformation(bytes) }
    }

    @Test func aFileForAnotherKindOfMachineSaysWhich() {
        var narrow = ELFFile().bytes()
        narrow[4] = 1
        #expect(throws: ELFError.unsupported("it is not a 64-bit file")) { try ELFImage(narrow) }
        var big = ELFFile().bytes()
        big[5] = 2
        #expect(throws: ELFError.unsupported("it is not little-endian")) { try ELFImage(big) }
        #expect(throws: ELFError.unsupported("its machine 243 is neither x86-64 nor AArch64")) {
            try ELFImage(ELFFile(machine: 243).bytes())
        }
    }

    static let sample = ELFFile(interpreter: "/lib/ld.so", needed: ["a.so", "b.so"], soname: "me", runPath: "/r", rPath: nil).bytes()

    @Test func aFileCutShortAnywhereIsAnErrorOrSaysLess() {
        for length in 0..<ELFImageTests.sample.count { _ = try? ELFImage(Array(ELFImageTests.sample[..<length])) }
        // The last string has lost its end.
        #expect(throws: ELFError.self) { try ELFImage(Array(ELFImageTests.sample.dropLast())) }
    }

    @Test func oneWrongByteAnywhereNeverTraps() {
        for place in ELFImageTests.sample.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bytes = ELFImageTests.sample
                bytes[place] = value
                _ = try? ELFImage(bytes)
            }
        }
    }

    @Test(arguments: 0..<16) func randomDamageNeverTraps(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let wild: [UInt64] = [0, 1, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max, .max - 7, 0x40_0000]
        for _ in 0..<400 {
            var bytes = ELFImageTests.sample
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // Whole fields, because a wrong offset is more than a wrong byte.
                let place = Int.random(in: 4..<(bytes.count - 8), using: &random) & ~3
                let value = wild.randomElement(using: &random) ?? 0
                for index in 0..<(Bool.random(using: &random) ? 8 : 4) {
                    bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
                }
            }
            _ = try? ELFImage(bytes)
            _ = try? ModuleInformation(bytes)
        }
    }
}
