import ArgumentParser
import Proxy

/// `vm-proxy`: serves a directory, unless a subcommand is named.
@main
struct VMProxy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vm-proxy",
        abstract: "Makes the guests of a directory reachable through socket files.",
        discussion: """
            For every guest NAME there is a socket NAME.socket in the directory: each connection to it is a root shell of \
            its own in that guest.

              vm-proxy --directory .                     # serve the current directory
              socat ./test1.socket stdio                 # a shell in guest test1
              echo 'ls /root' | socat -t5 - UNIX:test1.socket

            Guests connect through QEMU's user network to 10.0.2.6:23, with this among QEMU's -netdev user options:

              guestfwd=tcp:10.0.2.6:23-cmd:vm-proxy link --directory DIR NAME

            `vm run` does all of this by itself. Other programs use DIR/vm-proxy.socket; see docs/protocol.md.

            Exit codes: 0 ended by a signal or when idle, 1 it could not begin, 64 wrong usage.
            """,
        version: ProxyConfiguration.software,
        subcommands: [Serve.self, Link.self],
        defaultSubcommand: Serve.self)
}
