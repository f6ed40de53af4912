import Foundation
import Testing

@testable import VirtualMachine

@Suite struct MachineValidationTests {
    let machine = MachineDescription(name: "a", kernel: "/bin/sh", runtimeDirectory: "/run/x")

    @Test func aMachineWithWhatItNeedsIsFine() throws { try machine.validate() }

    @Test(arguments: ["/no/such/kernel", "/usr"])
    func aKernelThatCannotBeReadIsNamedWithTheWayOut(kernel: String) {
        var machine = machine
        machine.kernel = kernel
        #expect { try machine.validate() } throws: {
            "\($0)".hasPrefix("cannot read the kernel \(kernel): ") && "\($0)".contains("; give --kernel a kernel image, such as ")
        }
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
        #expect { try machine.validate() } throws: { "\($0)".contains(" is no possible ") && "\($0)".contains(": give a number from ") }
    }

    @Test func aFileThatIsNoKernelOrInitrdIsToldByWhatItBeginsWith() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/file"
            var machine = machine
            for (bytes, kernelFault, initrdFault) in [
                (Array("hello, world\n".utf8), "the text 'hello, world'", "the text 'hello, world'"),
                ([1, 2, 0xAB, 4, 5], "the bytes 01 02 ab 04", "the bytes"),
                (Array("070701".utf8), "the text '070701'", nil), ([0, 0, 0, 0] + Array("070701".utf8), "the bytes", nil),
                ([0x1F, 0x8B, 8, 0], nil, nil), ([0x28, 0xB5, 0x2F, 0xFD], "the bytes 28 b5 2f fd", nil),
                ([0x4D, 0x5A, 0, 0], nil, "the bytes"),
                ([UInt8](repeating: 1, count: 0x202) + Array("HdrS".utf8), nil, "the bytes"),
                ([UInt8](repeating: 1, count: 0x38) + Array("ARMd".utf8), nil, "the bytes"),
            ] as [([UInt8], String?, String?)] {
                try Data(bytes).write(to: URL(fileURLWithPath: file))
                (machine.kernel, machine.initrd) = (file, nil)
                expect(machine, "\(file) is no kernel image: it begins with ", kernelFault)
                (machine.kernel, machine.initrd) = ("/bin/sh", file)
                expect(machine, "\(file) is no initrd: it begins with ", initrdFault)
            }
        }
    }

    private func expect(_ machine: MachineDescription, _ words: String, _ fault: String?) {
        do throws(MachineError) {
            try machine.validate()
            #expect(fault == nil, "taken: \(words)\(fault ?? "")")
        } catch {
            #expect(fault.map { "\(error)".contains(words + $0) } == true, "\(error)")
        }
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
