import Testing

@testable import AgentProtocol

@Suite struct CopyReaderTests {
    /// Everything that reading `bytes` in pieces says; data joined, so that pieces make no difference.
    static func read(_ bytes: [UInt8], piece: Int = .max, expectsRequest: Bool = false) throws -> [String] {
        var reader = CopyReader(expectsRequest: expectsRequest)
        var said: [String] = []
        var data: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            try rest.prefix(piece).withUnsafeBytes { buffer in
                var buffer = buffer
                while let event = try reader.next(&buffer) {
                    if case .data(let bytes) = event {
                        data += bytes
                        continue
                    }
                    if !data.isEmpty { said.append("data \(data.count)") }
                    data = []
                    said.append(Self.text(event))
                }
            }
            rest = rest.dropFirst(piece)
        }
        if !data.isEmpty { said.append("data \(data.count)") }
        return said
    }

    private static func text(_ event: CopyEvent) -> String {
        switch event {
        case .request(let request): "request \(String(decoding: request.path, as: UTF8.self))"
        case .entry(let entry): "entry \(String(decoding: entry.name, as: UTF8.self))"
        case .data(let bytes): "data \(bytes.count)"
        case .hole(let length): "hole \(length)"
        case .fileEnded(let isIntact): isIntact ? "intact" : "damaged"
        case .fileAbandoned: "abandoned"
        case .left: "left"
        case .problem(let problem): "problem \(problem.text)"
        case .ended: "ended"
        }
    }

    static func frame(_ type: FrameType, _ payload: [UInt8] = []) -> [UInt8] { Frame(type, payload[...]).encoded() }
    static func entry(_ kind: CopyEntry.Kind, _ name: String = "") -> [UInt8] {
        frame(.copyEntry, CopyEntry(kind, name: Array(name.utf8)).encoded())
    }
    static let file = entry(.file(size: nil, link: 0))
    static let directory = entry(.directory)
    static let leave = frame(.copyLeave)
    static let end = frame(.copyEnd)

    /// A writer's bytes.
    static func written(_ body: (inout CopyWriter) -> Void) -> [UInt8] {
        var writer = CopyWriter()
        body(&writer)
        var bytes: [UInt8] = []
        writer.write { buffer in
            bytes += buffer
            return buffer.count
        }
        return bytes
    }

    static func addData(_ count: Int, _ writer: inout CopyWriter) {
        _ = writer.addData(upTo: count) { room in
            for index in room.indices { room[index] = UInt8(truncatingIfNeeded: index &* 7) }
            return room.count
        }
    }

    static let tree = written { writer in
        writer.add(.copyRequest, CopyRequest(path: Array("/x".utf8)).encoded())
        _ = writer.add(CopyEntry(.directory))
        _ = writer.add(CopyEntry(.file(size: 5, link: 1), name: Array("a".utf8)))
        addData(3, &writer)
        writer.addHole(1 << 30)
        addData(70_000, &writer)
        writer.endFile()
        writer.add(.copyProblem, CopyProblem(.warning, path: [], text: "fifo").encoded())
        _ = writer.add(CopyEntry(.hardLink(1), name: Array("b".utf8)))
        _ = writer.add(CopyEntry(.file(size: nil, link: 0), name: Array("c".utf8)))
        writer.endFile()
        _ = writer.add(CopyEntry(.file(size: nil, link: 0), name: Array("d".utf8)))
        writer.add(.copyAbandon)
        writer.add(.copyLeave)
        writer.add(.copyEnd)
    }

    @Test(arguments: [1, 2, 5, 4096, .max]) func whatAWriterWroteIsReadHoweverItArrives(piece: Int) throws {
        let said = try Self.read(Self.tree, piece: piece, expectsRequest: true)
        #expect(
            said == [
                "request /x", "entry ", "entry a", "data 3", "hole 1073741824", "data 70000", "intact", "problem fifo", "entry b",
                "entry c", "intact", "entry d", "abandoned", "left", "ended",
            ])
    }

    @Test func everyChangedByteOfContentIsNoticed() throws {
        let bytes = Self.written { writer in
            _ = writer.add(CopyEntry(.file(size: nil, link: 0)))
            Self.addData(40, &writer)
            writer.addHole(4096)
            writer.endFile()
        }
        let contentStart = Self.file.count + Frame.headerLength
        let places = Array(contentStart..<contentStart + 40) + Array(contentStart + 40 + 5..<contentStart + 40 + 5 + 8)
        for place in places {
            var changed = bytes
            changed[place] ^= 0x01
            #expect(try Self.read(changed).last == "damaged")
        }
        #expect(try Self.read(bytes).last == "intact")
    }

    static let disorder: [(String, [UInt8])] = [
        ("a second top", file + frame(.copyFileEnd, [UInt8](repeating: 0, count: 8)) + file),
        ("a top with a name", entry(.directory, "x")),
        ("an entry without a name", directory + file),
        ("an entry inside a file", file + directory),
        ("data outside a file", frame(.copyData, [1])),
        ("data in a directory", directory + frame(.copyData, [1])),
        ("a hole outside a file", directory + frame(.copyHole, [UInt8](repeating: 1, count: 8))),
        ("the end of no file", directory + frame(.copyFileEnd, [UInt8](repeating: 0, count: 8))),
        ("giving up no file", directory + frame(.copyAbandon)),
        ("leaving what was not entered", leave),
        ("leaving the top twice", directory + leave + leave),
        ("leaving inside a file", directory + entry(.file(size: nil, link: 0), "a") + leave),
        ("the end inside a directory", directory + end),
        ("the end inside a file", file + end),
        ("anything after the end", end + end),
        ("a request where none is due", frame(.copyRequest, [0, 0])),
        ("a link to what was not sent", directory + entry(.hardLink(1), "a")),
        ("a link to nothing", directory + entry(.hardLink(0), "a")),
        ("a top that is a hard link", entry(.hardLink(1))),
        ("a link number out of turn", directory + entry(.file(size: nil, link: 2), "a")),
        ("a file larger than files can be", file + frame(.copyHole, [0x80] + [UInt8](repeating: 0, count: 7))),
        (
            "two holes that add up to too much",
            file + frame(.copyHole, [0x7F] + [UInt8](repeating: 0xFF, count: 7)) + frame(.copyHole, [UInt8](repeating: 0, count: 7) + [1])
        ),
        ("a long frame", [FrameType.copyEntry.rawValue, 0, 1, 0, 0]),
        ("too much data in a frame", file + [FrameType.copyData.rawValue, 0, 0x10, 0, 1]),
        ("a frame of another service", frame(.standardOutput, [1])), ("a frame of no service", [0xFF, 0, 0, 0, 0]),
    ]

    @Test(arguments: disorder) func whatNoHonestSenderSendsIsRefused(what: String, bytes: [UInt8]) {
        #expect(throws: ProtocolError.self, "\(what)") { try Self.read(bytes) }
    }

    @Test func depthIsBounded() throws {
        var bytes = Self.directory
        for _ in 1..<CopyEntry.maximumDepth { bytes += Self.entry(.directory, "d") }
        #expect(try Self.read(bytes).count == CopyEntry.maximumDepth)
        #expect(throws: ProtocolError.invalid("depth")) { try Self.read(bytes + Self.entry(.directory, "d")) }
    }

    /// Whatever is changed in a good stream, reading ends in an error or in events that make sense.
    @Test func noBytesTrapTheReader() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = Self.tree
            if Bool.random() { bytes.removeSubrange(600..<bytes.count - 600) }
            for _ in 0..<Int.random(in: 1...4) {
                let place = Bool.random() ? Int.random(in: 0..<600) : Int.random(in: bytes.count - 600..<bytes.count)
                switch random.next() % 4 {
                case 0: bytes[place] = UInt8.random(in: 0...255)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8)
                case 2: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...255), at: place)
                }
            }
            if let said = try? Self.read(bytes, piece: Int.random(in: 1...100_000), expectsRequest: true) {
                #expect(said.filter { $0 == "ended" }.count <= 1)
            }
        }
    }
}
