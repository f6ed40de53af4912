import Testing

@testable import LinuxSystem

@Suite struct KernelLogTests {
    private func message(_ record: String) -> String? { KernelLogReader.message(ArraySlice(record.utf8)) }

    @Test func theKernelsOwnRecordGivesItsText() {
        #expect(
            message("3,1234,5678901,-;CIFS: VFS: cifs_mount failed w/return code = -6\n")
                == "CIFS: VFS: cifs_mount failed w/return code = -6")
        #expect(message("6,1,0,-;") == "")
        #expect(message("0,1,2,-,caller=T1;emergency") == "emergency")
        #expect(message("7,9,9,c;no newline") == "no newline")
    }

    @Test(arguments: [8, 9, 12, 14, 15, 30, 100, 191, 4_000_000_000]) func whatAProgramWroteIsNotTheKernels(_ priority: Int) {
        #expect(message("\(priority),1,2,-;systemd[1]: hello\n") == nil)
    }

    @Test func theDictionaryBehindTheTextIsLeftOut() {
        #expect(message("6,2,3,-;usb 1-1: new device\n SUBSYSTEM=usb\n DEVICE=c189:1\n") == "usb 1-1: new device")
    }

    @Test func aSemicolonInTheTextBelongsToIt() {
        #expect(message("4,2,3,-;a;b; c\n") == "a;b; c")
    }

    @Test(arguments: ["", "\n", "6,1,2,-", "no record at all\n"]) func whatIsNoRecordIsNoMessage(_ record: String) {
        #expect(message(record) == nil)
    }

    @Test func aSliceIsReadFromItsOwnBeginning() {
        #expect(KernelLogReader.message(Array("xxxx6,1,2,-;text".utf8).dropFirst(4)) == "text")
    }

    @Test func whatIsLessUrgentThanWantedIsPassedOver() {
        for priority in 0...7 {
            let record = ArraySlice("\(priority),1,2,-;text".utf8)
            #expect(KernelLogReader.message(record, priority: 4) == (priority <= 4 ? "text" : nil))
        }
    }

    @Test func bytesThatAreNotUTF8AreReplaced() {
        #expect(KernelLogReader.message(ArraySlice("6,1,2,-;a".utf8) + [0xFF]) == "a\u{FFFD}")
    }
}
