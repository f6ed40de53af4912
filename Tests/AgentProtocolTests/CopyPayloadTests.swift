import Testing

@testable import AgentProtocol

@Suite struct CopyPayloadTests {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    static let time = CopyTime(seconds: -5, nanoseconds: 999_999_999)
    static let entries = [
        CopyEntry(.file(size: 1 << 40, link: 7), name: bytes("a"), mode: 0o4755, owner: 1000, group: 100, changed: time, used: time),
        CopyEntry(.file(size: nil, link: 0)),
        CopyEntry(.directory, name: [0xFF, 0x0A, 0x80], mode: 0o1777),
        CopyEntry(.symbolicLink([0xFF, 0x2F]), name: bytes("..a")),
        CopyEntry(.hardLink(7), name: bytes("b")),
    ]
    static let requests = [
        CopyRequest(path: []), CopyRequest(path: [0xFF, 0x2F, 0x0A], name: bytes("name"), isRecursive: true, keepsOwner: true),
        CopyRequest(path: bytes("/"), needsDirectory: true, staysOnFileSystem: true),
    ]

    @Test(arguments: entries) func anEntrySurvivesTheWire(entry: CopyEntry) throws {
        #expect(try CopyEntry(decoding: entry.encoded()[...]) == entry)
    }

    @Test(arguments: requests) func aRequestSurvivesTheWire(request: CopyRequest) throws {
        #expect(try CopyRequest(decoding: request.encoded()[...]) == request)
    }

    @Test func reportsSurviveTheWire() throws {
        for entry in [nil, 0, 5] as [UInt32?] {
            let problem = CopyProblem(.fatal, entry: entry, path: [0xFF, 0x2F], text: "no space")
            #expect(try CopyProblem(decoding: problem.encoded()[...]) == problem)
        }
        let result = CopyResult(entries: 3, bytes: 1 << 40, errors: 1)
        #expect(try CopyResult(decoding: result.encoded()[...]) == result)
    }

    @Test func aPayloadCutShortIsRefused() {
        for entry in Self.entries where !entry.name.isEmpty {
            guard case .file = entry.kind else { continue }
            let bytes = entry.encoded()
            for length in 0..<bytes.count { #expect(throws: ProtocolError.self) { try CopyEntry(decoding: bytes[..<length]) } }
        }
    }

    /// A name that leads anywhere but into its directory would let a guest write to files of the host that nobody named.
    @Test(arguments: [".", "..", "/", "a/b", "/etc", "../x", "a/", "\0", "a\0b", String(repeating: "x", count: 256)])
    func aNameIsOneComponent(name: String) {
        #expect(throws: ProtocolError.invalid("name")) {
            try CopyEntry(decoding: CopyEntry(.directory, name: Self.bytes(name)).encoded()[...])
        }
        // A request's own length field has no room for 256.
        guard name.utf8.count < 256 else { return }
        #expect(throws: ProtocolError.self) { try CopyRequest(decoding: CopyRequest(path: [], name: Self.bytes(name)).encoded()[...]) }
    }

    @Test(arguments: ["...", "..a", ".a", "a", "-", " ", String(repeating: "x", count: 255)])
    func everyNameThatAFilesystemHoldsIsTaken(name: String) throws {
        let entry = CopyEntry(.directory, name: Self.bytes(name))
        #expect(try CopyEntry(decoding: entry.encoded()[...]) == entry)
    }

    @Test func valuesThatSystemCallsReadAsSomethingElseAreRefused() {
        var wrong = [CopyEntry(.directory, mode: 0o10000), CopyEntry(.directory, owner: .max), CopyEntry(.directory, group: .max)]
        wrong.append(CopyEntry(.directory, changed: CopyTime(seconds: 0, nanoseconds: 1_073_741_823)))
        wrong.append(CopyEntry(.symbolicLink([])))
        wrong.append(CopyEntry(.symbolicLink([1, 0])))
        wrong.append(CopyEntry(.symbolicLink([UInt8](repeating: 1, count: 4096))))
        for entry in wrong { #expect(throws: ProtocolError.self) { try CopyEntry(decoding: entry.encoded()[...]) } }
        #expect(throws: ProtocolError.self) { try CopyRequest(decoding: [16, 0]) }
        #expect(throws: ProtocolError.self) { try CopyRequest(decoding: [0, 0, 47, 0]) }
    }
}
