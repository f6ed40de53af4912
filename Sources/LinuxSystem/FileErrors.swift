internal import CLinux

// Errors of files and streams that callers tell apart.
extension Errno {
    /// ENOSPC: the disk is full.
    public static var noSpace: Errno { Errno(ENOSPC) }
    /// EDQUOT: the user's share of the disk is full.
    public static var overQuota: Errno { Errno(EDQUOT) }
    /// EROFS.
    public static var readOnlyFileSystem: Errno { Errno(EROFS) }
    /// ENOTDIR.
    public static var notADirectory: Errno { Errno(ENOTDIR) }
    /// EPIPE: nobody reads what is written.
    public static var brokenPipe: Errno { Errno(EPIPE) }
    /// ECONNRESET.
    public static var connectionReset: Errno { Errno(ECONNRESET) }
}
