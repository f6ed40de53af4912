import Testing

@testable import GuestSessions

@Suite struct MemoryPressureTests {
    @Test(arguments: [
        ("MemTotal:       512000 kB\nMemFree:   10 kB\nMemAvailable:    31999 kB\n", true),
        ("MemTotal:       512000 kB\nMemFree:   10 kB\nMemAvailable:    32000 kB\n", false),
        ("MemTotal:       512000 kB\nMemFree:   10 kB\n", false), ("", false), ("MemAvailable: x kB\nMemTotal:\n", false),
    ])
    func itIsHighWhenLessThanASixteenthCanBeHad(meminfo: String, isHigh: Bool) {
        #expect(MemoryPressure.isHigh(Array(meminfo.utf8)) == isHigh)
    }
}
