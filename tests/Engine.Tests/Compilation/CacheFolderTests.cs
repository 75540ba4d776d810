using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>Code is loaded only from folders that no other user can change.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class CacheFolderTests : IDisposable
{
    private const UnixFileMode Alone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    private CacheFolder Folder => new(Path.Combine(_root, "cache"), "videosim/kernels");

    public CacheFolderTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "owners and rights are checked on Linux");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Open_MissingFolders_MakesThemForThisUserAlone()
    {
        Assert.Null(Folder.Problem);
        Assert.False(Directory.Exists(Folder.Root));
        Assert.Equal(Folder.FullPath, Folder.Open());
        for (string folder = Folder.FullPath; folder != _root; folder = Path.GetDirectoryName(folder)!)
            Assert.Equal(Alone, File.GetUnixFileMode(folder));
        Assert.Equal(Folder.FullPath, Folder.Open());
    }

    [Theory]
    [InlineData("cache", UnixFileMode.OtherWrite)]
    [InlineData("cache/videosim", UnixFileMode.OtherWrite)]
    [InlineData("cache/videosim", UnixFileMode.GroupWrite)]
    [InlineData("cache/videosim/kernels", UnixFileMode.OtherWrite)]
    [InlineData("cache/videosim/kernels", UnixFileMode.GroupWrite)]
    public void Open_FolderThatOthersMayWrite_IsRefused(string name, UnixFileMode right)
    {
        Folder.Open();
        string folder = Path.Combine(_root, name);
        File.SetUnixFileMode(folder, Alone | right);
        Refuses(folder, "can be written by other users");
    }

    // As /tmp: others make files there, but cannot take away those of this user.
    [Fact]
    public void Open_BelowAFolderLikeTmp_IsTaken()
    {
        Directory.CreateDirectory(Folder.Root);
        File.SetUnixFileMode(Folder.Root, (UnixFileMode)0x3ff);
        Assert.Equal(Folder.FullPath, Folder.Open());
    }

    [Theory]
    [InlineData("cache/videosim")]
    [InlineData("cache/videosim/kernels")]
    public void Open_LinkToAFolder_IsRefused(string name)
    {
        string link = Path.Combine(_root, name), target = Path.Combine(_root, "elsewhere");
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        Directory.CreateDirectory(Path.Combine(target, "kernels"));
        Directory.CreateSymbolicLink(link, target);
        Refuses(link, "is a link");
    }

    [Fact]
    public void Open_RootThatIsALink_IsFollowed()
    {
        string target = Directory.CreateDirectory(Path.Combine(_root, "elsewhere")).FullName;
        Directory.CreateSymbolicLink(Folder.Root, target);
        Assert.Equal(Path.Combine(target, Folder.Name), Folder.Open());
    }

    [Fact]
    public void Open_FileInItsPlace_IsRefused()
    {
        Directory.CreateDirectory(Folder.Root);
        File.WriteAllText(Path.Combine(Folder.Root, "videosim"), "");
        Refuses(Path.Combine(Folder.Root, "videosim"), "is not a folder");
    }

    [Theory]
    [InlineData("cache")]
    [InlineData("cache/videosim")]
    [InlineData("cache/videosim/kernels")]
    public void Open_FolderOfAnotherUser_IsRefused(string name)
    {
        Assert.SkipUnless(FileKind.ThisUser == 0, "only root can give a folder to another user");
        Folder.Open();
        string folder = Path.Combine(_root, name);
        GiveAway(folder);
        Refuses(folder, "belongs to another user");
    }

    [Fact]
    public void KernelCache_RefusedFolder_ReadsAndWritesNothing()
    {
        string folder = Folder.Open();
        new KernelCache(Folder).GetOrAdd("key", static () => Image(1));
        File.SetUnixFileMode(folder, Alone | UnixFileMode.OtherWrite);
        var cache = new KernelCache(Folder);
        Assert.Equal(Folder.Problem, cache.Problem);
        Assert.Equal(Image(2).Code, cache.GetOrAdd("key", static () => Image(2)).Code);
        Assert.Equal(Image(2).Code, cache.GetOrAdd("other", static () => Image(2)).Code);
        Assert.Equal(["key.image"], Directory.GetFiles(folder).Select(Path.GetFileName));
    }

    [Fact]
    public void KernelCache_EntryOfAnotherUserOrALink_IsMadeAgain()
    {
        string entry = Path.Combine(Folder.Open(), "key.image"), other = Path.Combine(_root, "other.image");
        new KernelCache(Folder).GetOrAdd("key", static () => Image(1));
        File.Move(entry, other);
        File.CreateSymbolicLink(entry, other);
        Assert.Equal(Image(2).Code, new KernelCache(Folder).GetOrAdd("key", static () => Image(2)).Code);
        if (FileKind.ThisUser != 0)
            return;
        File.Delete(entry);
        new KernelCache(Folder).GetOrAdd("key", static () => Image(1));
        GiveAway(entry);
        Assert.Equal(Image(3).Code, new KernelCache(Folder).GetOrAdd("key", static () => Image(3)).Code);
    }

    // The checksum is not secret: anybody can write a file with a right one.
    [Theory]
    [InlineData("length", -1)]
    [InlineData("length", int.MaxValue)]
    [InlineData("length", 9)]
    [InlineData("length", 11)]
    [InlineData("length of the key", int.MaxValue)]
    [InlineData("length of the key", -1)]
    [InlineData("cut", 3)]
    [InlineData("cut", 20)]
    [InlineData("registers", 0)]
    public void KernelCache_HostileEntryWithARightChecksum_IsMadeAgain(string what, int value)
    {
        const string Key = "key";
        byte[] code = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        var cache = new KernelCache(Folder);
        cache.GetOrAdd(Key, () => new KernelImage(code, KernelImage.ParseResources("Used 12 registers"), what == "registers" ? "Compiling entry function 'a'\nUsed 99999999999 registers" : "log"));
        string file = Directory.GetFiles(Folder.FullPath).Single();
        byte[] bytes = File.ReadAllBytes(file);
        int start = bytes.AsSpan().IndexOf((byte)'\n') + 1 + SHA256.HashSizeInBytes;
        byte[] content = bytes[start..];
        if (what == "length")
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(content.Length - code.Length - sizeof(int)), value);
        else if (what == "length of the key")
            content = value < 0 ? [0xff, 0xff, 0xff, 0xff, 0xff, .. content] : [0xff, 0xff, 0xff, 0xff, 0x07, .. content];
        else if (what == "cut")
            content = content[..^value];
        File.WriteAllBytes(file, [.. bytes[..(start - SHA256.HashSizeInBytes)], .. SHA256.HashData(content), .. content]);
        bool isMade = false;
        cache.GetOrAdd(Key, () =>
        {
            isMade = true;
            return Image(1);
        });
        Assert.True(isMade);
    }

    private static KernelImage Image(byte code) => new([code], new Dictionary<string, KernelResources>(), "log");

    private static void GiveAway(string path)
    {
        using var chown = Process.Start("/usr/bin/chown", ["-h", "65534", path]);
        chown.WaitForExit();
    }

    private void Refuses(string folder, string reason)
    {
        // The root may have caches of other programs.
        string expected = $"{folder}: {reason}, so the program loads nothing from there; {(folder == Folder.Root ? "" : "delete it, or ")}set XDG_CACHE_HOME to a folder of your own";
        Assert.Equal(expected, Folder.Problem);
        Assert.Equal(expected, Assert.Throws<DataException>(Folder.Open).Message);
    }
}
