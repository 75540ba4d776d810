using System.Text;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class FileFailureTests : IDisposable
{
    private static readonly FileLimit OneMegabyte = new("a list", 1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(1_000_000)]
    public void ReadAllBytes_FileWithinItsLimit_IsRead(int length)
    {
        byte[] content = [.. Enumerable.Range(0, length).Select(static i => (byte)(i * 7))];
        File.WriteAllBytes(_folder["file"], content);
        Assert.Equal(content, FileFailure.ReadAllBytes(_folder["file"], OneMegabyte));
    }

    // The size of a file that is sparse costs nothing, so its content must not be read before it is checked.
    [Theory]
    [InlineData(1_000_001)]
    [InlineData(1L << 40)]
    public void ReadAllBytes_LargerFile_IsRefusedByItsKind(long length)
    {
        using (var file = File.Create(_folder["file"]))
            file.SetLength(length);
        Assert.Equal($"{_folder["file"]}: has more than 1 MB, the limit of a list", Assert.Throws<DataException>(() => FileFailure.ReadAllBytes(_folder["file"], OneMegabyte)).Message);
    }

    [Fact]
    public void ReadAllBytes_FileWithoutLength_IsRead()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux has /proc");
        Assert.StartsWith("Name:", Encoding.ASCII.GetString(FileFailure.ReadAllBytes("/proc/self/status")), StringComparison.Ordinal);
    }

    // The names of the kernel have several megabytes, and the file has the length 0.
    [Fact]
    public void ReadAllBytes_LargeFileWithoutLength_IsRefused()
    {
        Assert.SkipUnless(File.Exists("/proc/kallsyms"), "this system has no /proc/kallsyms");
        Assert.Contains("has more than 1 MB", Assert.Throws<DataException>(() => FileFailure.ReadAllBytes("/proc/kallsyms", OneMegabyte)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    public void ReadAllBytes_Device_IsRefused(string path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there are no devices in the file system");
        Assert.Equal($"{path}: is a device or a pipe, not a file", Assert.Throws<DataException>(() => FileFailure.ReadAllBytes(path)).Message);
    }

    [Fact]
    public void ReadAllBytes_Folder_IsRefused() =>
        Assert.Equal($"{_folder.Path}: cannot be read: it is a folder", Assert.Throws<DataException>(() => FileFailure.ReadAllBytes(_folder.Path)).Message);

    [Fact]
    public void ReadAllText_ByteOrderMark_IsNoPartOfTheText()
    {
        File.WriteAllBytes(_folder["file"], [0xEF, 0xBB, 0xBF, .. "text"u8]);
        Assert.Equal("text", FileFailure.ReadAllText(_folder["file"]));
    }
}
