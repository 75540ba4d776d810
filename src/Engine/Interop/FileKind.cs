using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VideoSim.Engine.Interop;

/// <summary>Distinguishes files from devices, pipes and sockets.</summary>
public static unsafe partial class FileKind
{
    // Constants of statx, which Linux has had since 4.11, with the same values on every processor.
    private const int CurrentFolder = -100, TypeOnly = 1, ResultBytes = 256, ModeOffset = 28;
    private const int InodeMask = 0x100, InodeOffset = 32, DeviceOffset = 136;
    private const int TypeMask = 0xf000, Regular = 0x8000, Folder = 0x4000;
    private const int OfHandle = 0x1000, LinksOnly = 4, LinksOffset = 16;

    /// <summary>Whether a path exists and is neither a file nor a folder. Links are followed.</summary>
    public static bool IsSpecial(string path)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        byte* result = stackalloc byte[ResultBytes];
        if (Statx(CurrentFolder, path, 0, TypeOnly, result) != 0)
            return false;
        return (*(ushort*)(result + ModeOffset) & TypeMask) is not (Regular or Folder);
    }

    /// <summary>Whether two paths are the same existing file or folder, also through links.</summary>
    public static bool IsSame(string path, string other)
    {
        if (!OperatingSystem.IsLinux())
            return File.Exists(path) && Path.GetFullPath(path) == Path.GetFullPath(other);
        byte* first = stackalloc byte[ResultBytes], second = stackalloc byte[ResultBytes];
        return Statx(CurrentFolder, path, 0, InodeMask, first) == 0 && Statx(CurrentFolder, other, 0, InodeMask, second) == 0
            && *(ulong*)(first + InodeOffset) == *(ulong*)(second + InodeOffset)
            && *(ulong*)(first + DeviceOffset) == *(ulong*)(second + DeviceOffset);
    }

    /// <summary>Whether an open file has no name any more. Only Linux deletes a file that is open.</summary>
    public static bool IsDeleted(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        byte* result = stackalloc byte[ResultBytes];
        return Statx((int)file.DangerousGetHandle(), "", OfHandle, LinksOnly, result) == 0 && *(uint*)(result + LinksOffset) == 0;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* result);
}
