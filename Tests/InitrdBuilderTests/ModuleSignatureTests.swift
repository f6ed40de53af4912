import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct ModuleSignatureTests {
    private static let mark = Array("~Module signature appended~\n".utf8)

    /// A module of `bytes` with a signature that says it has `claimed` bytes.
    private static func signed(_ bytes: [UInt8], _ signature: [UInt8], claimed: Int) -> [UInt8] {
        bytes + signature + [0, 0, 2, 0, 0, 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: claimed >> (8 * (3 - $0))) } + mark
    }

    @Test func aSignedModuleIsPartedBeforeItsSignature() {
        let module = [UInt8](repeating: 7, count: 300)
        let whole = Self.signed(module, [1, 2, 3], claimed: 3)
        let parts = ModuleSignature(parting: whole)
        #expect(parts.module == module)
        #expect(parts.module + parts.signature == whole)
    }

    @Test(arguments: [[], [1, 2, 3], mark, Array("~Module signature appended~".utf8)])
    func whatIsNotSignedStaysWhole(_ bytes: [UInt8]) {
        let parts = ModuleSignature(parting: bytes)
        #expect(parts.module == bytes)
        #expect(parts.signature.isEmpty)
    }

    @Test(arguments: [4, 1 << 31]) func aSignatureLongerThanTheFileIsLeftToTheKernel(_ claimed: Int) {
        let whole = Self.signed([], [1, 2, 3], claimed: claimed)
        #expect(ModuleSignature(parting: whole).module == whole)
    }

    @Test func debiansModulesAreSigned() throws {
        let tree = try ModuleTree.locate(KernelTree().root)
        let description = InitrdDescription(
            agent: try Tool.path("busybox"), moduleTree: tree, modules: ModuleSet([.init("overlay")]), signatures: .apart)
        let plan = try description.plan()
        #expect(Set(plan.entries.keys).isSuperset(of: ["/lib/modules/overlay.ko", "/lib/modules/overlay.ko.sig", "/lib/modules/order"]))
        let module = try #require(plan.modules.first)
        let parts = ModuleSignature(parting: try module.contents())
        #expect(try parts.module + parts.signature == module.contents())
        #expect(parts.signature.count > 100)
        #expect(parts.module.prefix(4) == [0x7F, 0x45, 0x4C, 0x46])
        var whole = description
        whole.signatures = .inModule
        #expect(try InitrdKey.of(plan, compression: .none) != InitrdKey.of(whole.plan(), compression: .none))
    }
}
