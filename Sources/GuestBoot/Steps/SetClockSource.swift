internal import LinuxSystem

/// The 2010 module wrote `hpet` to the clock source of every guest, because `kvm-clock` drifted. Kernels since 2.6.38 keep
/// it right, and `hpet` costs an exit for every reading, so the workaround applies to older ones only; `vm.clocksource=NAME`
/// takes NAME on any.
enum SetClockSource {
    private static let directory = "/sys/devices/system/clocksource/clocksource0"

    static func run(wanted: String?) -> StepResult {
        guard let current = try? Files.readLine("\(directory)/current_clocksource"),
            let available = try? Files.readLine("\(directory)/available_clocksource"),
            let release = try? Files.readLine("/proc/sys/kernel/osrelease")
        else { return .done("the kernel shows no clock sources") }
        let names = available.split(separator: " ").map { String($0) }
        guard let choice = choice(wanted: wanted, current: current, available: names, release: release) else {
            return .done("\(current) kept")
        }
        let file = directory + "/current_clocksource"
        // The kernel takes any name, and keeps the present source where it knows none of that name.
        var reason = "the kernel keeps " + current
        do throws(Errno) {
            try Files.write(choice, to: file)
            if try Files.readLine(file) == choice { return .done(choice + " instead of " + current) }
        } catch {
            reason = error.description
        }
        return .warning("cannot take clock source " + choice + ": " + reason + "; there are: " + available)
    }

    /// The clock source to take, or nil to keep the current one.
    static func choice(wanted: String?, current: String, available: [String], release: String) -> String? {
        if let wanted { return wanted == current ? nil : wanted }
        guard current == "kvm-clock", available.contains("hpet") else { return nil }
        var numbers: [Int] = []
        for part in release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: true) {
            numbers.append(Int(String(part.prefix { $0.isASCII && $0.isNumber })) ?? 0)
        }
        while numbers.count < 3 { numbers.append(0) }
        let isOld = numbers[0] < 2 || (numbers[0] == 2 && (numbers[1] < 6 || (numbers[1] == 6 && numbers[2] < 38)))
        return isOld ? "hpet" : nil
    }
}
