using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>Errors of Linux's calls, with their numbers.</summary>
internal static class SystemError
{
    public const int NotPermitted = 1, NoEntry = 2, Interrupted = 4, NoAccess = 13, Exists = 17, NoFolder = 20, Invalid = 22, NameTooLong = 36, NoCall = 38, NotSupported = 95;

    /// <summary>The exception that .NET's own calls throw for the last error of this thread.</summary>
    public static Exception Last()
    {
        int error = Marshal.GetLastPInvokeError();
        string text = Marshal.GetPInvokeErrorMessage(error);
        return error switch
        {
            NoEntry => new DirectoryNotFoundException(text),
            NoAccess or NotPermitted => new UnauthorizedAccessException(text),
            NameTooLong => new PathTooLongException(text),
            _ => new IOException(text, error),
        };
    }
}
