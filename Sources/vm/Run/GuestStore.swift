import Foundation
import HostShares

/// What a run shares with its guest: the store, and the registration that the guest's Nix database is loaded with.
struct GuestStore {
    /// The services to connect; none for a guest that sees nothing of the host.
    let services: [any ShareService]
    /// The words for the kernel command line.
    let kernelParameters: [String]

    /// The share that the guest mounts on `/hostfs`, and the one that it mounts there on `nix/store`.
    private static let rootShare = "qemu"
    private static let storeShare = "store"

    /// Checks the options and writes the files.
    ///
    /// - Parameter makeImage: gives the file of an image.
    init(
        _ options: StoreOptions, _ fileOptions: FileOptions, _ kinds: ShareKinds, files: RuntimeDirectory,
        makeImage: (StoreImage) async throws -> String
    ) async throws {
        let others = Self.others(fileOptions)
        // This machine's tree has its store in it.
        let isStoreWanted =
            options.directory != "none"
            && (fileOptions.root != .host || options.directory != nil || options.system != nil || options.isWritable
                || !options.register.isEmpty)
        let location = try StoreLocation(option: options.directory)
        var parameters: [String] = []
        guard isStoreWanted || options.system == nil && options.register.isEmpty && !options.isWritable else {
            throw Failure("--system, --register and a writable store need a store: leave out '--store none'")
        }
        if let system = options.system { parameters.append("init=\(try Self.initPath(of: system, location))") }
        guard isStoreWanted else {
            guard !kinds.isStoreImage else { throw Failure(Self.nothingForAnImage) }
            let share = others.isEmpty ? nil : try kinds.directories.service(for: others, files)
            services = share.map { [$0] } ?? []
            kernelParameters = ["vm.hostfs=none"] + Self.parameters(fileOptions, share)
            return
        }
        if let layer = options.layer { parameters.append(layer == .tmpfs ? "vm.writable-store" : "vm.writable-store=\(layer.rawValue)") }
        let registration = try await Self.registration(options, location)
        if registration != nil { parameters.append("regInfo=/hostfs/registration") }

        // What the guest sees as /hostfs: this directory, with the store in it, and nothing else of the host.
        let root = files.file("hostfs")
        try FileManager.default.createDirectory(atPath: root + StoreLocation.inGuest, withIntermediateDirectories: true)
        let registrationFile = try registration.map { try files.write($0, to: "hostfs/registration") }
        var shares = [ShareDescription(name: Self.rootShare, directory: root, isFixed: true)]
        if kinds.isStoreImage {
            guard let location, registration != nil || options.directory != nil else { throw Failure(Self.nothingForAnImage) }
            let image = try StoreImage(of: location, registration: registration, registrationFile: registrationFile ?? "")
            let service = ImageShare(share: shares[0], image: try await makeImage(image))
            try service.prepare()
            let share = others.isEmpty ? nil : try kinds.directories.service(for: others, files)
            services = [service] + (share.map { [$0] } ?? [])
            kernelParameters = parameters + ["vm.hostfs=\(service.source(of: shares[0]))"] + Self.parameters(fileOptions, share)
            return
        }
        if let location {
            shares.append(ShareDescription(name: Self.storeShare, directory: location.directory, isFixed: true))
            parameters.append("vm.share=\(Self.storeShare):\(StoreLocation.inGuest)")
        }
        let service = try kinds.directories.service(for: shares + others, files)
        services = [service]
        kernelParameters = parameters + ["vm.hostfs=\(service.source(of: shares[0]))"] + Self.parameters(fileOptions, service)
    }

    private static let nothingForAnImage =
        "--share image has nothing to make an image of: give --system or --register, whose references are put into it, or --store a "
        + "directory, of which all is"

    /// What the guest's Nix database is to be loaded with; nil for nothing.
    private static func registration(_ options: StoreOptions, _ location: StoreLocation?) async throws -> Data? {
        if location == nil, let path = options.register.first {
            throw Failure("--register \(path): this host has no /nix/store; give --store the directory of one")
        }
        let (paths, files) = try sort(options.register, location)
        let system = options.system.flatMap { path in location.flatMap { $0.guestPath(of: path) } }
        guard let location, system != nil || !paths.isEmpty || !files.isEmpty else { return nil }
        return try await StoreRegistration.text(of: (system.map { [$0] } ?? []) + paths, files: files, store: location)
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
