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
        for share in shares { precondition(share.directory.hasPrefix("/") && !share.directory.split(separator: "/").contains("..")) }
    }
    return 0
}
