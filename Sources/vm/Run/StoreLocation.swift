import Foundation

/// The directory of the host that guests see as `/nix/store`.
struct StoreLocation: Equatable {
    /// Its real path on the host.
    let directory: String

    /// Where guests see it.
    static let inGuest = "/nix/store"

    /// Finds the store: `option` as the user gave it, else `/nix/store` where the host has one; nil for none.
    init?(option: String?) throws(Failure) {
        if option == "none" { return nil }
        let path = option ?? Self.inGuest
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            if option == nil { return nil }
            throw Failure("no such share directory: \(path); give --store a directory, or 'none'")
        }
        guard isDirectory.boolValue else { throw Failure("cannot share \(path): it is not a directory; give --store one, or 'none'") }
        directory = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// The guest's path of a store path that is given as the host or the guest has it, links followed on the host.
    func guestPath(of path: String) -> String? {
        let direct = hostPath(of: path) ?? path
        let real = URL(fileURLWithPath: direct).resolvingSymlinksInPath().path
        guard real.hasPrefix(directory + "/") else { return nil }
        return Self.inGuest + real.dropFirst(directory.count)
    }

    /// Where the host has what the guest sees at `path`.
    func hostPath(of path: String) -> String? {
        guard path.hasPrefix(Self.inGuest + "/") else { return nil }
        return directory + path.dropFirst(Self.inGuest.count)
    }

    /// Options that make the host's `nix-store` use this store's database.
    func nixOptions() throws(Failure) -> [String] {
        if directory == URL(fileURLWithPath: Self.inGuest).resolvingSymlinksInPath().path { return [] }
        guard directory.hasSuffix(Self.inGuest) else {
            throw Failure(
                "\(directory) is not the store of a Nix database that could say what a path references (no /nix/store at its end); "
                    + "give --register a file made by 'nix-store --dump-db'")
        }
        return ["--store", String(directory.dropLast(Self.inGuest.count))]
    }
}
