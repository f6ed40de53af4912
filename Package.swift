// swift-tools-version: 6.2
import PackageDescription

// EMBEDDED=1 builds the shipped form of the guest (Embedded Swift, static). Without it the same sources are ordinary
// Swift beside the host's targets, and that is how they are unit-tested. See docs/development.md.
let embedded = Context.environment["EMBEDDED"] == "1"

let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let guest: [SwiftSetting] =
    house + (embedded ? [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Osize"])] : [])
let guestLink: [LinkerSetting] =
    embedded
    ? [
        .unsafeFlags(["-Xclang-linker", "-static", "-Xlinker", "--gc-sections", "-Xlinker", "-s"]),
        .unsafeFlags(["-lswiftUnicodeDataTables", "-lm"]),
    ] : []

let guestTargets: [Target] = [
    .target(name: "CLinux"),
    .systemLibrary(name: "CBlkid", pkgConfig: "blkid", providers: [.apt(["libblkid-dev"])]),
    .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: guest),
    .target(name: "Yamux", swiftSettings: guest),
    .target(name: "AgentProtocol", swiftSettings: guest),
    .target(name: "FileCopy", dependencies: ["AgentProtocol", "CLinux", "LinuxSystem"], swiftSettings: guest),
    .target(name: "GuestBoot", dependencies: ["AgentProtocol", "CBlkid", "CLinux", "LinuxSystem"], swiftSettings: guest),
    .target(
        name: "GuestSessions", dependencies: ["AgentProtocol", "CLinux", "FileCopy", "GuestBoot", "LinuxSystem", "Yamux"],
        swiftSettings: guest),
    .executableTarget(
        name: "vm-agent", dependencies: ["AgentProtocol", "CLinux", "GuestBoot", "GuestSessions", "LinuxSystem"],
        swiftSettings: guest, linkerSettings: guestLink),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let hostTargets: [Target] = [
    .systemLibrary(name: "CMount", pkgConfig: "mount", providers: [.apt(["libmount-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "InitrdBuilder", dependencies: ["CZstd", "LinuxSystem"], swiftSettings: house),
    .target(name: "VirtualMachine", dependencies: ["CLinux", "CMount", "LinuxSystem", subprocess, system], swiftSettings: house),
    .target(name: "HostShares", dependencies: ["LinuxSystem", subprocess, system], swiftSettings: house),
    .target(name: "ControlProtocol", swiftSettings: house),
    .target(
        name: "Proxy",
        dependencies: ["AgentProtocol", "CLinux", "ControlProtocol", "LinuxSystem", "Yamux", logging, lifecycle] + nio,
        swiftSettings: house),
    .target(
        name: "ProxyClient", dependencies: ["AgentProtocol", "CLinux", "ControlProtocol", "FileCopy", "LinuxSystem"],
        swiftSettings: house),
    .target(
        name: "VirtualNetwork",
        dependencies: ["ControlProtocol", "ProxyClient", "VirtualMachine", .product(name: "Yams", package: "Yams")], swiftSettings: house),
    .executableTarget(
        name: "vm-proxy", dependencies: ["Proxy", "LinuxSystem", argumentParser, logging, lifecycle, unixSignals] + nio,
        swiftSettings: house),
    .executableTarget(
        name: "vm",
        dependencies: [
            "AgentProtocol", "CLinux", "ControlProtocol", "FileCopy", "HostShares", "InitrdBuilder", "LinuxSystem", "ProxyClient",
            "VirtualMachine", "VirtualNetwork", argumentParser, subprocess, system,
        ],
        swiftSettings: house),
]

let testTargets: [Target] = [
    .target(name: "HostTools", dependencies: ["LinuxSystem"], path: "Tests/HostTools", swiftSettings: house),
    .target(
        name: "HostileGuest", dependencies: ["AgentProtocol", "CLinux", "LinuxSystem"], path: "Tests/HostileGuest", swiftSettings: house),
    .executableTarget(
        name: "bench-hostile", dependencies: ["CLinux", "ControlProtocol", "HostileGuest", "LinuxSystem", "vm-agent", "vm-proxy"],
        path: "Tests/Benchmarks/Hostile", swiftSettings: house),
    .testTarget(name: "AgentProtocolTests", dependencies: ["AgentProtocol", "HostTools"], swiftSettings: house),
    .testTarget(
        name: "FileCopyTests", dependencies: ["AgentProtocol", "CLinux", "FileCopy", "HostTools", "LinuxSystem"], swiftSettings: house),
    .testTarget(name: "YamuxTests", dependencies: ["Yamux"], swiftSettings: house),
    .testTarget(
        name: "ProxyTests",
        dependencies: [
            "AgentProtocol", "CLinux", "ControlProtocol", "GuestSessions", "HostTools", "HostileGuest", "LinuxSystem", "Proxy",
            "ProxyClient", "Yamux", "vm-proxy", logging,
        ] + nio,
        swiftSettings: house),
    .testTarget(name: "InitrdBuilderTests", dependencies: ["HostTools", "InitrdBuilder"], swiftSettings: house),
    .testTarget(
        name: "VirtualMachineTests", dependencies: ["VirtualMachine", "HostShares", "HostTools", "LinuxSystem"], swiftSettings: house),
    .testTarget(name: "VirtualNetworkTests", dependencies: ["VirtualMachine", "VirtualNetwork"], swiftSettings: house),
    .testTarget(
        name: "ProxyClientTests", dependencies: ["AgentProtocol", "ControlProtocol", "HostTools", "LinuxSystem", "ProxyClient"],
        swiftSettings: house),
    .testTarget(name: "LinuxSystemTests", dependencies: ["CLinux", "HostTools", "LinuxSystem"], swiftSettings: house),
    .testTarget(name: "ControlProtocolTests", dependencies: ["ControlProtocol"], swiftSettings: house),
    .testTarget(
        name: "GuestBootTests", dependencies: ["AgentProtocol", "CLinux", "GuestBoot", "HostTools", "LinuxSystem"],
        swiftSettings: house),
    .testTarget(
        name: "GuestSessionsTests",
        dependencies: ["AgentProtocol", "CLinux", "GuestBoot", "GuestSessions", "HostTools", "LinuxSystem", "Yamux"],
        swiftSettings: house),
    // Not shipped: a peer for Tests/YamuxInterop, and a measurement.
    .executableTarget(
        name: "yamux-peer", dependencies: ["CLinux", "LinuxSystem", "Yamux"], path: "Tests/YamuxInterop/yamux-peer", swiftSettings: house),
    .executableTarget(
        name: "yamux-throughput", dependencies: ["Yamux"], path: "Tests/Benchmarks/yamux-throughput", swiftSettings: house),
    .testTarget(
        name: "IntegrationTests",
        dependencies: ["AgentProtocol", "ControlProtocol", "HostShares", "HostTools", "LinuxSystem", "ProxyClient"],
        swiftSettings: house),
]

let package = Package(
    name: "vm-agent",
    products: embedded
        ? [.executable(name: "vm-agent", targets: ["vm-agent"])]
        : [
            .executable(name: "vm", targets: ["vm"]),
            .executable(name: "vm-proxy", targets: ["vm-proxy"]),
            .library(name: "ProxyClient", targets: ["ProxyClient"]),
        ],
    dependencies: embedded
        ? []
        : [
            .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
            .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
            .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
            .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
            .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
            .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
            .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        ],
    targets: guestTargets + (embedded ? [] : hostTargets + testTargets),
    swiftLanguageModes: [.v6]
)
