import ProxyClient
import Testing

@Suite struct NearestNamesTests {
    static let guests = ["vm", "test1", "test2", "builder", "web.example"]

    @Test(arguments: [
        ("tset1", ["test1", "test2"]), ("test", ["test1", "test2"]), ("Test2", ["test2", "test1"]), ("bulder", ["builder"]),
        ("web", ["web.example"]), ("vn", ["vm"]), ("database", []), ("", []),
    ])
    func aMisspelledNameFindsTheOnesThatWereMeant(written: String, meant: [String]) {
        #expect(nearestNames(to: written, among: Self.guests) == meant)
    }

    @Test func noMoreThanThreeAreNamed() {
        #expect(nearestNames(to: "vm", among: (1...9).map { "vm\($0)" }) == ["vm1", "vm2", "vm3"])
    }

    @Test func anUnknownGuestsErrorNamesTheNearest() {
        let error = ProxyClientError.noSuchGuest(name: "tset1", directory: "/run/vms", known: Self.guests)
        #expect(error.description == "no guest 'tset1' in /run/vms; did you mean 'test1' or 'test2'?")
    }

    @Test(arguments: [
        ([], "no guest 'x' in /run/vms; no guest runs there"),
        (["web", "database"], "no guest 'x' in /run/vms; there are: database, web"),
    ])
    func withoutANearNameTheErrorSaysWhatThereIs(known: [String], text: String) {
        #expect(ProxyClientError.noSuchGuest(name: "x", directory: "/run/vms", known: known).description == text)
    }
}
