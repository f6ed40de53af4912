/// Which of `names` the writer of `name` may have meant: at most three, nearest first.
///
/// A name is near when it begins with what was written, or when at most a third of its characters (at least one, at
/// least two for names of five and more) have to be changed, added, removed or swapped to get there.
public func nearestNames(to name: String, among names: [String]) -> [String] {
    let wanted = Array(name.lowercased().unicodeScalars)
    let allowed = max(1, wanted.count >= 5 ? 2 : 1, wanted.count / 3)
    return
        names
        .filter { $0 != name }
        .map { candidate in
            let letters = Array(candidate.lowercased().unicodeScalars)
            let isPrefix = !wanted.isEmpty && letters.starts(with: wanted)
            return (candidate, isPrefix ? 0 : editDistance(wanted, letters))
        }
        .filter { $0.1 <= allowed }
        .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
        .prefix(3)
        .map(\.0)
}

/// The optimal string alignment distance: Levenshtein's, with a swap of neighbours as one change.
private func editDistance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
    guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
    var beforeLast = [Int](repeating: 0, count: second.count + 1)
    var last = Array(0...second.count)
    for i in 1...first.count {
        var row = [i] + [Int](repeating: 0, count: second.count)
        for j in 1...second.count {
            let substitution = last[j - 1] + (first[i - 1] == second[j - 1] ? 0 : 1)
            row[j] = min(last[j] + 1, row[j - 1] + 1, substitution)
            if i > 1, j > 1, first[i - 1] == second[j - 2], first[i - 2] == second[j - 1] {
                row[j] = min(row[j], beforeLast[j - 2] + 1)
            }
        }
        (beforeLast, last) = (last, row)
    }
    return last[second.count]
}
