internal import CLinux
internal import LinuxSystem

/// Who runs a session.
struct SessionUser: Equatable {
    var name: [UInt8]
    /// The user's numbers; nil for root as the agent is.
    var numbers: Program.User?
    /// The home directory that `/etc/passwd` names; empty without one.
    var home: [UInt8] = []
    /// The shell that it names; empty without one.
    var shell: [UInt8] = []

    /// The user that `text` names: `NAME` or `UID`, and `:GROUP` by name or number in place of all groups.
    ///
    /// - Parameters:
    ///   - users: the content of `/etc/passwd` (`man 5 passwd`).
    ///   - groups: that of `/etc/group`.
    static func find(_ text: [UInt8], users: [UInt8], groups: [UInt8]) throws(SessionStartFailure) -> SessionUser {
        let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let who = Array(parts[0])
        var user = SessionUser(name: who)
        var numbers = Program.User(identifier: 0, group: 0, groups: [])
        if let record = record(of: who, in: users, fields: 7), let uid = number(record[2]), let gid = number(record[3]) {
            user = SessionUser(name: record[0], home: record[5], shell: record[6])
            (numbers.identifier, numbers.group) = (uid, gid)
        } else if let uid = number(who) {
            (numbers.identifier, numbers.group) = (uid, uid)
        } else {
            throw .refused("there is no user '\(String(decoding: who, as: UTF8.self))' in the guest's /etc/passwd")
        }
        if parts.count > 1 {
            let group = Array(parts[1])
            guard let gid = record(of: group, in: groups, fields: 4).flatMap({ number($0[2]) }) ?? number(group) else {
                throw .refused("there is no group '\(String(decoding: group, as: UTF8.self))' in the guest's /etc/group")
            }
            numbers.group = gid
            numbers.groups = [gid]
        } else {
            numbers.groups = [numbers.group] + memberships(of: user.name, in: groups).filter { $0 != numbers.group }
        }
        user.numbers = numbers
        return user
    }

    /// Root as the agent is, with what `/etc/passwd` says of it.
    static func root(users: [UInt8]) -> SessionUser {
        var root = SessionUser(name: Array("root".utf8))
        if let record = record(of: root.name, in: users, fields: 7) { root.shell = record[6] }
        return root
    }

    /// Whether its shell is there to refuse log-ins.
    var refusesLogins: Bool {
        let program = shell.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? []
        return program == Array("nologin".utf8) || program == Array("false".utf8)
    }

    /// The line whose first field is `key`, or else whose third is, as a number.
    private static func record(of key: [UInt8], in file: [UInt8], fields: Int) -> [[UInt8]]? {
        let wanted = number(key)
        let colon = UInt8(ascii: ":")
        let beginning = key + [colon]
        var byNumber: [[UInt8]]?
        var rest = file[...]
        // Line by line, and only what may be the one: of thousands of users, a session needs one.
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
            guard wanted != nil || line.starts(with: beginning) else { continue }
            let record = line.split(separator: colon, omittingEmptySubsequences: false).map { Array($0) }
            guard record.count == fields else { continue }
            if record[0] == key { return record }
            if let wanted, byNumber == nil, number(record[2]) == wanted { byNumber = record }
        }
        return byNumber
    }

    private static func memberships(of name: [UInt8], in groups: [UInt8]) -> [gid_t] {
        var found: [gid_t] = []
        for line in groups.split(separator: UInt8(ascii: "\n")) {
            let record = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard record.count == 4, let gid = number(Array(record[2])) else { continue }
            let isMember = record[3].split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(name) }
            // The kernel's bound is NGROUPS_MAX.
            if isMember, found.count < 65_535 { found.append(gid) }
        }
        return found
    }

    /// A user's or group's number; the highest means "none" to the kernel and is not one.
    private static func number(_ digits: [UInt8]) -> UInt32? {
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        return value < UInt64(UInt32.max) ? UInt32(value) : nil
    }
}
