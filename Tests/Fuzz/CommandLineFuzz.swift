// Compiled together with Sources/GuestBoot/KernelCommandLine.swift and BootPlan's parts by Tests/Fuzz/run.

/// Any kernel command line has words and a plan.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    let line = KernelCommandLine(text)
    for parameter in line.parameters { precondition(!parameter.name.isEmpty) }
    let plan = BootPlan(line)
    precondition(!plan.steps.isEmpty && !plan.text.isEmpty)
    for case .mountHostFiles(_, let shares) in plan.steps {
        for share in shares { precondition(isConfined(share.directory)) }
    }
    for case .mountShares(let mounts) in plan.steps { for mount in mounts { precondition(isConfined(mount.directory)) } }
    return 0
}

/// In bytes, as the kernel reads it.
private func isConfined(_ path: String) -> Bool {
    path.utf8.first == 0x2F && !path.utf8.split(separator: 0x2F).contains { $0.elementsEqual("..".utf8) }
}
