import ArgumentParser
import Foundation
import LinuxSystem
import Proxy

/// `vm-proxy link`: run by QEMU for each connection of a guest.
struct Link: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pass the standard input, a guest's connection, to the proxy of a directory. QEMU runs this.")

    @Option(help: ArgumentHelp("The proxy's directory.", valueName: "dir"))
    var directory = "."

    @Argument(help: "The guest's name.")
    var name: String

    func run() throws {
        do throws(SocketFileError) {
            try LinkHelper.pass(LinuxSystem.FileDescriptor(rawValue: 0), guest: name, directory: directory)
        } catch {
            FileHandle.standardError.write(Data("vm-proxy link: \(error.text)\n".utf8))
            throw ExitCode(1)
        }
    }
}
