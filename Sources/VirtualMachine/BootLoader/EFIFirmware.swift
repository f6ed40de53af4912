import Glibc

extension MachineDescription {
    /// UEFI in place of QEMU's BIOS: OVMF.
    public struct EFIFirmware: Codable, Equatable, Sendable {
        /// The firmware itself, which is never written to.
        public var code: String
        /// Its variables; written to.
        public var variables: String

        /// Makes firmware from its parts.
        public init(code: String, variables: String) {
            self.code = code
            self.variables = variables
        }

        /// Where distributions and QEMU itself have OVMF and the variables that it begins with, without Secure Boot.
        static let places = [
            EFIFirmware(code: "/usr/share/OVMF/OVMF_CODE_4M.fd", variables: "/usr/share/OVMF/OVMF_VARS_4M.fd"),
            EFIFirmware(code: "/usr/share/OVMF/OVMF_CODE.fd", variables: "/usr/share/OVMF/OVMF_VARS.fd"),
            EFIFirmware(code: "/usr/share/edk2/ovmf/OVMF_CODE.fd", variables: "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
            EFIFirmware(code: "/usr/share/edk2/x64/OVMF_CODE.4m.fd", variables: "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
            EFIFirmware(code: "/usr/share/qemu/edk2-x86_64-code.fd", variables: "/usr/share/qemu/edk2-i386-vars.fd"),
        ]

        /// Finds OVMF: in `places`, then in `share/qemu` beside each directory of `searchPath`, where QEMU's own build has it.
        ///
        /// - Returns: the firmware with the variables that it begins with, of which each VM needs a copy of its own.
        public static func locate(searchPath: String = "") throws(BootLoaderError) -> EFIFirmware {
            try locate(searchPath: searchPath, places: places)
        }

        static func locate(searchPath: String, places: [EFIFirmware]) throws(BootLoaderError) -> EFIFirmware {
            let besidePrograms = searchPath.split(separator: ":").map { directory in
                EFIFirmware(
                    code: "\(directory)/../share/qemu/edk2-x86_64-code.fd", variables: "\(directory)/../share/qemu/edk2-i386-vars.fd")
            }
            let found = (places + besidePrograms).first { access($0.code, R_OK) == 0 && access($0.variables, R_OK) == 0 }
            guard let found else { throw .noFirmware(searched: places.map(\.code)) }
            return found
        }
    }
}
