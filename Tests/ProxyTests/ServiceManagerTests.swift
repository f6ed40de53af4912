import Testing

@testable import Proxy

/// `man 3 sd_notify`; `Tests/Distribution` has the datagrams themselves.
@Suite struct ServiceManagerTests {
    @Test(
        arguments: [
            (nil, nil), ("", nil), ("/run/notify", Array("/run/notify".utf8)), ("@abstract", [0] + Array("abstract".utf8)),
        ] as [(String?, [UInt8]?)])
    func theSocketIsTheOneOfTheVariable(variable: String?, address: [UInt8]?) {
        #expect(ServiceManager.address(of: variable) == address)
    }

    @Test func noticesAreLinesOfAssignments() {
        #expect(ServiceManager.Notice.ready(directory: "/run/vm-proxy").text == "READY=1\nSTATUS=serving /run/vm-proxy")
        #expect(ServiceManager.Notice.stopping.text == "STOPPING=1")
    }
}
