import Testing

@testable import VirtualMachine

@Suite struct MachineValidationTests {
    let machine = MachineDescription(name: "a", kernel: "/etc/hostname", runtimeDirectory: "/run/x")

    @Test func aMachineWithWhatItNeedsIsFine() throws { try machine.validate() }

    @Test(arguments: ["/no/such/kernel", "/usr"])
    func aKernelThatCannotBeReadIsNamedWithTheWayOut(kernel: String) {
        var machine = machine
        machine.kernel = kernel
        #expect { try machine.validate() } throws: { "\($0)".contains(kernel) && "\($0)".contains("--kernel") }
    }

    @Test func anInitrdThatCannotBeReadIsNamed() {
        var machine = machine
        machine.initrd = "/no/such/initrd"
        #expect { try machine.validate() } throws: { "\($0)".contains("/no/such/initrd") }
    }

    @Test func aSocketPathThatDoesNotFitIsRefusedBeforeQEMUStarts() {
        var machine = machine
        machine.runtimeDirectory = "/" + String(repeating: "x", count: 100)
        #expect(throws: MachineError.socketPathTooLong(path: machine.qmpSocket, limit: 107)) { try machine.validate() }
    }

    @Test(arguments: [(0, 1), (31, 1), (512, 0), (512, 256), (Int.max, 1)])
    func numbersOutOfRangeAreRefused(memory: Int, cores: Int) {
        var machine = machine
        (machine.memoryMiB, machine.cores) = (memory, cores)
        #expect(throws: MachineError.self) { try machine.validate() }
    }

    @Test func aCommandLineThatTheKernelWouldCutIsRefused() throws {
        var machine = machine
        machine.kernelParameters = [String(repeating: "x", count: 2_000), String(repeating: "y", count: 46)]
        try machine.validate()
        machine.kernelParameters.append("z")
        #expect(throws: MachineError.commandLineTooLong(bytes: 2_049, limit: 2_047)) { try machine.validate() }
    }

    @Test func theControlSocketOfARunningQEMUIsFoundInItsArguments() {
        var machine = machine
        machine.runtimeDirectory = "/run/a, b"
        #expect(MachineProcess.socket(in: ["qemu-system-x86_64"] + machine.qemuArguments) == machine.qmpSocket)
        #expect(MachineProcess.socket(in: ["sh", "-qmp"]) == nil)
        #expect(MachineProcess.socket(in: ["qemu", "-qmp", "tcp:localhost:1,server=on,wait=off"]) == nil)
        #expect(MachineProcess(1) == nil, "that is no QEMU")
    }
}
