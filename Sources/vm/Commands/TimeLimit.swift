import ArgumentParser

/// A duration as a person writes it: `10`, `1.5`, `10s`, `500ms`, `2m`, `1h`.
struct TimeLimit: ExpressibleByArgument {
    var milliseconds: UInt64

    init?(argument: String) {
        let units: [(suffix: String, milliseconds: Double)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
        let unit = units.first { argument.hasSuffix($0.suffix) } ?? (suffix: "", milliseconds: 1000)
        let digits = argument.dropLast(unit.suffix.count)
        guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let number = Double(digits) else { return nil }
        let product = (number * unit.milliseconds).rounded(.up)
        // A week is for ever; 0 would be no limit to some and no time to others.
        guard product >= 1, product <= 604_800_000 else { return nil }
        milliseconds = UInt64(product)
    }
}
