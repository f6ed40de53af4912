// A peer on our yamux, for tests against other implementations: see Options.swift for what it takes. It serves echoes, or
// drives a peer that echoes. Exit code: 0, or 1 with the first fault, or 3 when time is up.

import CLinux

linux_ignore_signal(SIGPIPE)
do throws(Fault) {
    let options = try Options(CommandLine.arguments.dropFirst())
    let wire = try Wire(options)
    if options.scenarios == ["serve"] {
        try EchoServer().run(wire)
    } else {
        for scenario in options.scenarios { try EchoDriver(scenario, options).run(wire) }
        try wire.end()
    }
} catch {
    print("yamux-peer: \(error.text)")
    exit(error.isTimeout ? 3 : 1)
}
