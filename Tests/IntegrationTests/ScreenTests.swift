import ControlProtocol
import Foundation
import Testing

/// `--graphics`: what is in the VM's window, and what its keyboard does.
@Suite(.tellsStory) struct ScreenTests {
    @Test func theScreenShowsTheConsoleAndAShellReadsTheKeyboard() async throws {
        let directory = try VMDirectory()
        let server = try await DisplayServer(directory)
        defer { server.stop() }
        let options = ["--graphics", "--root", "tmpfs", "--store", "none"]
        try await withMachine(options, in: directory, environment: server.environment) { machine in
            try await machine.waitUntilReady()
            let consoles = "for p in /proc/[0-9]*; do readlink $p/fd/0; done 2>/dev/null | grep -x '/dev/tty[1-6]' | sort -u | wc -l"
            try await eventually("a shell on each of six consoles", within: .seconds(30)) {
                try await machine.output(of: consoles) == "6"
            }
            let screen = Screen(directory: directory)
            // A kernel's line, then one that is typed.
            _ = try await machine.output(of: "printf '\\033[2J\\033[H\\033[?25l' >/dev/tty1; echo '<0>the kernel speaks' >/dev/kmsg")
            try await screen.type("echo typed")
            let text = try await eventually("the shell's answer on the screen", within: .seconds(60)) { () -> [UInt8]? in
                let bytes = try await machine.exec(["cat", "/dev/vcs1"]).output
                let text = String(decoding: bytes, as: UTF8.self)
                return text.contains("the kernel speaks") && text.components(separatedBy: "typed").count == 3 ? bytes : nil
            }
            #expect(text.count == 80 * 25)
            // Each character has a picture of its own, which is wherever the character is.
            let (picture, pictures) = try await screen.picture()
            #expect(pictures.count == text.count)
            var byCharacter: [UInt8: Set<[Bool]>] = [:]
            for (character, picture) in zip(text, pictures) { byCharacter[character, default: []].insert(picture) }
            for (character, pictures) in byCharacter {
                #expect(pictures.count == 1, "'\(Character(Unicode.Scalar(character)))' has \(pictures.count) pictures")
            }
            #expect(Set(byCharacter.values.map { $0.first ?? [] }).count == byCharacter.count, "two characters look the same")
            // And the window has the same picture.
            try await eventually("the picture of the VM's screen in a window", within: .seconds(60)) { server.shows(picture) }
        }
        server.stop()
        await directory.expectNothingLeft()
    }
}

/// A VM's screen and keyboard, by QMP.
private struct Screen {
    let directory: VMDirectory

    /// Types lower-case letters and spaces, and Enter.
    func type(_ text: String) async throws {
        let keys = text.map { $0 == " " ? "spc" : String($0) } + ["ret"]
        try await ask(
            keys.map { #"{"execute":"human-monitor-command","arguments":{"command-line":"sendkey \#($0) 40"}}"# }, pause: 0.1)
    }

    /// The screen in text mode, and the picture of each character's place in it, 80 in a row: which of 9 x 16 points are lit.
    func picture() async throws -> (Picture, [[Bool]]) {
        let file = directory.file("screen.ppm")
        try await ask([#"{"execute":"screendump","arguments":{"filename":"\#(file)"}}"#], pause: 0)
        let bytes = try await eventually("the screen's picture", within: .seconds(30)) { () -> [UInt8]? in
            let bytes = Array(FileManager.default.contents(atPath: file) ?? Data())
            return bytes.count >= 720 * 400 * 3 + 15 ? bytes : nil
        }
        #expect(String(decoding: bytes.prefix(15), as: UTF8.self) == "P6\n720 400\n255\n")
        let picture = Picture(bytes, start: 15, width: 720, height: 400, lineLength: 720 * 3, pointLength: 3)
        var places: [[Bool]] = []
        for row in 0..<25 {
            for column in 0..<80 {
                var place: [Bool] = []
                for y in row * 16..<row * 16 + 16 { place += picture.lines[y][column * 9..<column * 9 + 9] }
                places.append(place)
            }
        }
        return (picture, places)
    }

    private func ask(_ commands: [String], pause: Double) async throws {
        let all = [#"{"execute":"qmp_capabilities"}"#] + commands
        let lines = all.map { "echo '\($0)'; sleep \(pause)" }.joined(separator: "\n")
        let result = try await directory.script(
            "{ \(lines)\nsleep 0.5; } | socat -t 10 - UNIX:$(echo \(directory.temporary)/vm-*/qmp.socket)")
        #expect(!result.text.contains("\"error\""), "\(result)")
    }
}

/// Points of a screen: whether each is lit.
private struct Picture {
    var lines: [[Bool]] = []

    /// From three bytes for each point, which the fourth follows that means nothing, where there is one.
    init(_ bytes: [UInt8], start: Int, width: Int, height: Int, lineLength: Int, pointLength: Int) {
        for y in 0..<height {
            var line: [Bool] = []
            for x in 0..<width {
                let point = start + y * lineLength + x * pointLength
                line.append(bytes[point] > 0 || bytes[point + 1] > 0 || bytes[point + 2] > 0)
            }
            lines.append(line)
        }
    }

    /// Whether `other` is somewhere in it.
    func contains(_ other: Picture) -> Bool {
        let (width, height) = (other.lines[0].count, other.lines.count)
        guard lines.count >= height, lines[0].count >= width else { return false }
        for y in 0...lines.count - height {
            for x in 0...lines[0].count - width {
                var same = 0
                while same < height, lines[y + same][x..<x + width] == other.lines[same][...] { same += 1 }
                if same == height { return true }
            }
        }
        return false
    }
}

/// An X server without a screen of its own, whose picture is a file.
private struct DisplayServer {
    private let program: RunningProgram
    private let file: String
    private let number: String

    init(_ directory: VMDirectory) async throws {
        let frames = directory.file("frames")
        try FileManager.default.createDirectory(atPath: frames, withIntermediateDirectories: true)
        file = "\(frames)/Xvfb_screen0"
        let server = try RunningProgram(
            directory.program(
                "/usr/bin/Xvfb", ["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1024x768x24", "-fbdir", frames]))
        program = server
        number = try await eventually("the X server", within: .seconds(60)) {
            if let code = server.code { throw ProgramFailure(cause: "Xvfb ended with \(code)", output: "", errors: server.errors) }
            return String(decoding: server.output, as: UTF8.self).split(separator: "\n").first.map(String.init)
        }
    }

    /// For those who are to show something on it.
    var environment: [String: String?] { ["DISPLAY": ":\(number)", "WAYLAND_DISPLAY": nil, "GDK_BACKEND": "x11"] }

    /// Whether `picture` is somewhere on the screen, point by point.
    func shows(_ picture: Picture) -> Bool {
        // XWDFile.h: words of four bytes, the most significant first.
        let bytes = Array(FileManager.default.contents(atPath: file) ?? Data())
        func word(_ index: Int) -> Int {
            bytes[index * 4..<index * 4 + 4].reduce(0) { (value: Int, byte: UInt8) in value << 8 | Int(byte) }
        }
        guard bytes.count > 100, word(11) == 32 else { return false }
        let screen = Picture(
            bytes, start: word(0) + word(19) * 12, width: word(4), height: word(5), lineLength: word(12), pointLength: 4)
        return screen.contains(picture)
    }

    func stop() { program.signal(SIGTERM) }
}
