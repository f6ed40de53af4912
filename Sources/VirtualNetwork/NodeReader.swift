internal import ProxyClient
internal import Yams

/// Where faults are collected: a file with five of them is not to be read six times.
final class FaultList {
    private(set) var all: [NetworkFileFault] = []
    func add(_ fault: NetworkFileFault) { all.append(fault) }
}

/// A part of the file, its place in words (`vms[1].cores`), and where its faults go.
struct NodeReader {
    let place: String
    private let node: Node
    private let faults: FaultList

    init(_ node: Node, place: String, faults: FaultList) {
        (self.node, self.place, self.faults) = (node, place, faults)
    }

    var isMapping: Bool { node.mapping != nil }

    /// Notes a fault of this part.
    func fail(_ text: String) {
        faults.add(
            NetworkFileFault(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, text: place.isEmpty ? text : "\(place): \(text)"))
    }

    /// The parts of an object by their keys, of which each must be one of `known`.
    func fields(known: [String]) -> [String: NodeReader] {
        guard let mapping = node.mapping else {
            fail("must be an object with names and values, not \(kind)")
            return [:]
        }
        var fields: [String: NodeReader] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? "?"
            let reader = NodeReader(value, place: place.isEmpty ? name : "\(place).\(name)", faults: faults)
            guard known.contains(name) else {
                let near = nearestNames(to: name, among: known)
                let hint = near.isEmpty ? "there are \(known.joined(separator: ", "))" : "is \(near.joined(separator: " or ")) meant?"
                NodeReader(key, place: place, faults: faults).fail("there is no key '\(name)'; \(hint)")
                continue
            }
            // As if it were not there: that is how generators say so.
            if reader.isNull { continue }
            fields[name] = reader
        }
        return fields
    }

    /// The parts of a list.
    func items() -> [NodeReader] {
        guard let sequence = node.sequence else {
            fail("must be a list, not \(kind)")
            return []
        }
        return sequence.enumerated().map { NodeReader($1, place: "\(place)[\($0)]", faults: faults) }
    }

    func strings() -> [String] { items().compactMap { $0.string() } }

    func string() -> String? {
        guard let scalar = node.scalar, !isNull else {
            fail("must be a text, not \(kind)")
            return nil
        }
        guard !scalar.string.isEmpty else {
            fail("must not be empty")
            return nil
        }
        guard !scalar.string.utf8.contains(0) else {
            fail("must not have a zero byte")
            return nil
        }
        return scalar.string
    }

    /// A text that is one of `known`.
    func string(of known: [String]) -> String? {
        guard let text = string() else { return nil }
        guard known.contains(text) else {
            fail("must be \(known.joined(separator: ", ")), not '\(text)'")
            return nil
        }
        return text
    }

    func bool() -> Bool? {
        if let scalar = node.scalar, scalar.isPlain, ["true", "false"].contains(scalar.string) { return scalar.string == "true" }
        fail("must be true or false, not \(kind)")
        return nil
    }

    func integer(in range: ClosedRange<Int>, _ unit: String) -> Int? {
        guard let scalar = node.scalar, scalar.isPlain, let number = Int(scalar.string), range.contains(number) else {
            fail("must be a number from \(range.lowerBound) to \(range.upperBound) (\(unit)), not \(kind)")
            return nil
        }
        return number
    }

    private var isNull: Bool {
        guard let scalar = node.scalar, scalar.isPlain else { return false }
        return ["null", "~", ""].contains(scalar.string)
    }

    /// What stands there, for people.
    private var kind: String {
        switch node {
        case .scalar(let scalar): isNull ? "nothing" : "'\(scalar.string.prefix(60))'"
        case .mapping: "an object"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}

extension Node.Scalar {
    /// Whether it stands there without quotes.
    fileprivate var isPlain: Bool { style == .plain || style == .any }
}
