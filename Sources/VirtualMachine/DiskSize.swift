/// The size of a disk to be made.
public struct DiskSize: Equatable, Sendable {
    /// In bytes, a whole number of MiB.
    public let bytes: Int

    /// Text that is no disk size.
    public struct ParseError: Error, Equatable, CustomStringConvertible {
        /// The text as it was given.
        public var text: String

        /// Makes the error for `text`.
        public init(text: String) { self.text = text }

        /// What is wrong and what helps, for a person.
        public var description: String {
            "\(text.debugDescription) is no disk size: give MiB as a plain number, or a number with M, G or T, such as 512M or 2G (1M to 16T)"
        }
    }

    /// The size that a VM's disk has when nobody says: 512 MiB, as in 2010.
    public static let standard = DiskSize(mebibytes: 512)

    /// What a disk may have, in MiB.
    public static let mebibytes = 1...16 << 20

    private init(mebibytes: Int) { bytes = mebibytes << 20 }

    /// Reads `512` (MiB), `512M`, `2G`, `1T`; letters of either case.
    public init(parsing text: String) throws(ParseError) {
        var digits = Substring(text)
        var factor = 1
        switch text.last {
        case "M", "m": digits = digits.dropLast()
        case "G", "g": (digits, factor) = (digits.dropLast(), 1 << 10)
        case "T", "t": (digits, factor) = (digits.dropLast(), 1 << 20)
        default: break
        }
        let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isNumber, let number = Int(digits) else { throw ParseError(text: text) }
        let (mebibytes, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, Self.mebibytes.contains(mebibytes) else { throw ParseError(text: text) }
        self.init(mebibytes: mebibytes)
    }
}
