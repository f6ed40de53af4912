import Foundation
import HostShares

/// What a run shares with its guest: the store, and the registration that the guest's Nix database is loaded with.
struct GuestStore {
    /// The service to prepare and to connect; nil for a guest that sees nothing of the host.
    let share: (any ShareService)?
    /// The words for the kernel command line.
    let kernelParameters: [String]

    /// The share that the guest mounts on `/hostfs`, and the one that it mounts there on `nix/store`.
    private static let rootShare = "qemu"
    private static let storeShare = "store"

    /// Checks the options and writes the files.
    init(_ options: StoreOptions, _ fileOptions: FileOptions, _ choice: ShareChoice, files: RuntimeDirectory) async throws {
        let others = Self.others(fileOptions)
        // This machine's tree has its store in it.
        let isStoreWanted =
            options.directory != "none"
            && (fileOptions.root != .host || options.directory != nil || options.system != nil || options.writableStore
                || !options.register.isEmpty)
        let location = try StoreLocation(option: options.directory)
        var parameters: [String] = []
        if let system = options.system { parameters.append("init=\(try Self.initPath(of: system, location))") }
        guard isStoreWanted else {
            guard options.system == nil, options.register.isEmpty, !options.writableStore else {
                throw Failure("--system, --register and --writable-store need a store: leave out '--store none'")
            }
            share = others.isEmpty ? nil : try choice.service(for: others, files)
            kernelParameters = ["vm.hostfs=none"] + Self.parameters(fileOptions, share)
            return
        }
        if options.writableStore { parameters.append("vm.writable-store") }

        // What the guest sees as /hostfs: this directory, with the store in it, and nothing else of the host.
        let root = files.file("hostfs")
        try FileManager.default.createDirectory(atPath: root + StoreLocation.inGuest, withIntermediateDirectories: true)
        var shares = [ShareDescription(name: Self.rootShare, directory: root, isFixed: true)]
        if let location {
            shares.append(ShareDescription(name: Self.storeShare, directory: location.directory, isFixed: true))
            parameters.append("vm.share=\(Self.storeShare):\(StoreLocation.inGuest)")
        }
        let service = try choice.service(for: shares + others, files)
        share = service
        parameters.append("vm.hostfs=\(service.source(of: shares[0]))")

        if location == nil, let path = options.register.first {
            throw Failure("--register \(path): this host has no /nix/store; give --store the directory of one")
        }
        let (paths, registrations) = try Self.sort(options.register, location)
        let system = options.system.flatMap { path in location.flatMap { $0.guestPath(of: path) } }
        if let location, system != nil || !paths.isEmpty || !registrations.isEmpty {
            let wanted = (system.map { [$0] } ?? []) + paths
            let text = try await StoreRegistration.text(of: wanted, files: registrations, store: location)
            _ = try files.write(text, to: "hostfs/registration")
            parameters.append("regInfo=/hostfs/registration")
        }
        kernelParameters = parameters + Self.parameters(fileOptions, service)
    }

    private static let hostRootShare = "root"

    /// The shares beside the store's.
    private static func others(_ options: FileOptions) -> [ShareDescription] {
        let root = options.root == .host ? [ShareDescription(name: hostRootShare, directory: "/")] : []
        return root
            + options.mount.enumerated().map { index, mount in
                ShareDescription(name: "mount\(index + 1)", directory: mount.host, isReadOnly: !mount.isWritable)
            }
    }

    /// What the guest is told of them.
    private static func parameters(_ options: FileOptions, _ service: (any ShareService)?) -> [String] {
        var parameters = options.root == .tmpfs ? ["vm.root=tmpfs"] : []
        guard let service else { return parameters }
        var rest = others(options)[...]
        if options.root == .host, let root = rest.popFirst() { parameters.append("vm.root=\(service.source(of: root))") }
        for (share, mount) in zip(rest, options.mount) {
            parameters.append("vm.mount\(mount.isWritable ? "-writable" : "")=\(service.source(of: share)):\(mount.guest)")
        }
        return parameters
    }

    /// The path of a system's init in the guest, checked on the host: a guest that cannot run it would say so much later.
    private static func initPath(of system: String, _ location: StoreLocation?) throws(Failure) -> String {
        guard let location else { throw Failure("--system \(system): this host has no /nix/store; give --store the directory of one") }
        guard let inGuest = location.guestPath(of: system), let onHost = location.hostPath(of: inGuest) else {
            throw Failure("--system \(system) is not in the store \(location.directory), so the guest would not find it; give a path in it")
        }
        var status = stat()
        guard lstat(onHost, &status) == 0 else { throw Failure("--system \(system): there is no \(onHost)") }
        guard lstat(onHost + "/init", &status) == 0 else {
            throw Failure(
                "--system \(system) has no init: \(onHost)/init does not exist; give the path of a system, as nix-build prints it")
        }
        return inGuest + "/init"
    }

    /// Store paths, as the guest and the host's Nix name them, and files with a registration.
    private static func sort(_ register: [String], _ location: StoreLocation?) throws(Failure) -> (paths: [String], files: [String]) {
        var (paths, files): ([String], [String]) = ([], [])
        for path in register {
            if let location, let inGuest = location.guestPath(of: path), let onHost = location.hostPath(of: inGuest) {
                guard access(onHost, F_OK) == 0 else { throw Failure("--register \(path): there is no such path in the store") }
                paths.append(inGuest)
                continue
            }
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
                throw Failure("--register \(path): it is neither a path in the store nor a file with a registration")
            }
            files.append(path)
        }
        return (paths, files)
    }
}
