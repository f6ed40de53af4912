import ArgumentParser
import Foundation
import ProxyClient

/// The directory with the VMs' socket files, as every command takes it.
struct DirectoryOption: ParsableArguments {
    @Option(help: ArgumentHelp("The directory with the VMs' socket files.", valueName: "dir"), completion: .directory)
    var directory = "."

    /// Its absolute path.
    var path: String { URL(fileURLWithPath: directory).standardizedFileURL.path }

    /// A client of its proxy.
    var client: ProxyClient { ProxyClient(directory: path) }
}
