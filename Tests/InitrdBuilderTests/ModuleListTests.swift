import Foundation
import InitrdBuilder
import Testing

/// `initrd/modules`, from which the hooks of other initrds take their modules.
@Suite struct ModuleListTests {
    @Test func otherInitrdsLoadTheSameModulesInTheSameOrder() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("initrd/modules"), encoding: .utf8)
        let names = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        #expect(names == ModuleSet.everyShare.members.map(\.name))
    }
}
