using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace VideoSim.Engine.Interop;

/// <summary>What Linux tells of a file: its kind, its owner and its rights.</summary>
/// <param name="Owner">Number of the user that it belongs to.</param>
/// <param name="Mode">Kind and rights, as in <c>st_mode</c>.</param>
public readonly record struct FileStatus(uint Owner, ushort Mode)
{
    private const int TypeMask = 0xf000, Regular = 0x8000, Folder = 0x4000, Link = 0xa000, StickyBit = 0x200;

    /// <summary>Whether it is a file with bytes.</summary>
    public bool IsFile => (Mode & TypeMask) == Regular;

    /// <summary>Whether it is a folder.</summary>
    public bool IsFolder => (Mode & TypeMask) == Folder;

    /// <summary>Whether it is a symbolic link.</summary>
    public bool IsLink => (Mode & TypeMask) == Link;

    /// <summary>Whether only owners may rename and delete entries of the folder, as in /tmp.</summary>
    public bool IsSticky => (Mode & StickyBit) != 0;

    /// <summary>Whether every user may write.</summary>
    public bool IsOpenToAll => ((UnixFileMode)Mode & UnixFileMode.OtherWrite) != 0;

    /// <summary>Whether users of the group, or all, may write.</summary>
    public bool IsOpenToOthers => IsOpenToAll || ((UnixFileMode)Mode & UnixFileMode.GroupWrite) != 0;
}

/// <summary>Distinguishes files from devices, pipes and sockets, and tells whom they belong to.</summary>
public static unsafe partial class FileKind
{
    // Constants of statx, which Linux has had since 4.11, with the same values on every processor.
    private const int CurrentFolder = -100, TypeOnly = 1, Basic = 0x7ff, ResultBytes = 256, OwnerOffset = 20, ModeOffset = 28;
    private const int InodeMask = 0x100, InodeOffset = 32, DeviceOffset = 136;
    private const int OfHandle = 0x1000, OfLink = 0x100, LinksOnly = 4, LinksOffset = 16;

    /// <summary>Whether a path exists and is neither a file nor a folder. Links are followed.</summary>
    public static bool IsSpecial(string path) => StatusOf(path, TypeOnly, 0) is { IsFile: false, IsFolder: false };

    /// <summary>
    /// What a path is; null if there is no such file, and on other systems than Linux. A link is not followed.
    /// </summary>
    public static FileStatus? StatusOf(string path) => StatusOf(path, Basic, OfLink);

    /// <summary>
    /// What a path is; null if there is no such file or folder, and on other systems than Linux. Links are followed.
    /// </summary>
    /// <exception cref="IOException">The system cannot tell: a link leads in a circle, or the disk fails.</exception>
    /// <exception cref="UnauthorizedAccessException">
    /// A folder above it must not be searched, or a link not be followed: in a folder like /tmp, that of another user.
    /// </exception>
    public static FileStatus? Find(string path)
    {
        byte* result = stackalloc byte[ResultBytes];
        if (!OperatingSystem.IsLinux() || path.Contains('\0', StringComparison.Ordinal))
            return null; // of a path with a NUL, the call would see only the characters before it
        return Statx(CurrentFolder, path, 0, Basic, result) == 0 ? Status(result)
            : Marshal.GetLastPInvokeError() is SystemError.NoEntry or SystemError.NoFolder ? null : throw SystemError.Last();
    }

    /// <summary>
    /// Whether a path is a link that another user made in a folder like /tmp. Most systems do not follow such links
    /// (protected_symlinks of Linux), because they can lead to any file of this user.
    /// </summary>
    /// <exception cref="IOException">The system cannot tell what the folder is.</exception>
    public static bool IsLinkOfAnother(string path) => StatusOf(path) is { IsLink: true } link && link.Owner != ThisUser
        && Find(Path.GetDirectoryName(Path.GetFullPath(path))!) is { IsSticky: true, IsOpenToAll: true } folder && folder.Owner != link.Owner;

    /// <summary>What an open file is; null on other systems than Linux.</summary>
    public static FileStatus? StatusOf(SafeFileHandle file)
    {
        byte* result = stackalloc byte[ResultBytes];
        return OperatingSystem.IsLinux() && Statx((int)file.DangerousGetHandle(), "", OfHandle, Basic, result) == 0 ? Status(result) : null;
    }

    /// <summary>Whether two paths are the same existing file or folder, also through links.</summary>
    public static bool IsSame(string path, string other)
    {
        if (!OperatingSystem.IsLinux())
            return File.Exists(path) && Path.GetFullPath(path) == Path.GetFullPath(other);
        byte* first = stackalloc byte[ResultBytes], second = stackalloc byte[ResultBytes];
        return Statx(CurrentFolder, path, 0, InodeMask, first) == 0 && Statx(CurrentFolder, other, 0, InodeMask, second) == 0 && IsSame(first, second);
    }

    /// <summary>Whether a path leads to an open file. On other systems than Linux a file is taken for it.</summary>
    public static bool IsSame(string path, SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
            return File.Exists(path);
        byte* first = stackalloc byte[ResultBytes], second = stackalloc byte[ResultBytes];
        return Statx(CurrentFolder, path, 0, InodeMask, first) == 0 && Statx((int)file.DangerousGetHandle(), "", OfHandle, InodeMask, second) == 0 && IsSame(first, second);
    }

    /// <summary>Whether an open file has no name any more. Only Linux deletes a file that is open.</summary>
    public static bool IsDeleted(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        byte* result = stackalloc byte[ResultBytes];
        return Statx((int)file.DangerousGetHandle(), "", OfHandle, LinksOnly, result) == 0 && *(uint*)(result + LinksOffset) == 0;
    }

    /// <summary>Number of the user whose rights this process has; 0 is root.</summary>
    public static uint ThisUser => OperatingSystem.IsLinux() ? EffectiveUser() : 0;

    private static bool IsSame(byte* first, byte* second) => *(ulong*)(first + InodeOffset) == *(ulong*)(second + InodeOffset)
        && *(ulong*)(first + DeviceOffset) == *(ulong*)(second + DeviceOffset);

    private static FileStatus? StatusOf(string path, uint mask, int flags)
    {
        byte* result = stackalloc byte[ResultBytes];
        return OperatingSystem.IsLinux() && Statx(CurrentFolder, path, flags, mask, result) == 0 ? Status(result) : null;
    }

    private static FileStatus Status(byte* result) => new(*(uint*)(result + OwnerOffset), *(ushort*)(result + ModeOffset));

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* result);

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
