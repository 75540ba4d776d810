using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>What the file system reports about a folder is one line that names it once.</summary>
public sealed class FolderListingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("missing")]
    [InlineData("file/below")]
    [InlineData("file")]
    [InlineData("loop")]
    [InlineData("")]
    [InlineData("long")]
    public void Files_OfWhatIsNoFolder_NamesItOnce(string name)
    {
        File.WriteAllText(_folder["file"], "");
        File.CreateSymbolicLink(_folder["loop"], "loop");
        string path = name == "" ? "" : name == "long" ? _folder[new string('n', 300)] : _folder[name];
        foreach (var read in new Func<object>[] { () => FolderListing.Files(path), () => FolderListing.Folders(path), () => FolderListing.Entries(path), () => FolderListing.FilesBelow(path, "*"), () => FolderListing.IsEmpty(path), () => FolderListing.HasFiles(path, "*") })
        {
            string message = Assert.Throws<DataException>(read).Message;
            Assert.StartsWith($"{path}: cannot be read: ", message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
            if (path.Length > 0)
                Assert.DoesNotContain(path, message[path.Length..], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FilesIfAny_OfNoFolder_IsEmpty()
    {
        File.WriteAllText(_folder["file"], "");
        foreach (string name in new[] { "missing", "missing/below", "file" })
            Assert.Equal(0, FolderListing.FilesIfAny(_folder[name]).Length + FolderListing.EntriesIfAny(_folder[name]).Length);
        Directory.CreateDirectory(_folder["folder"]);
        File.WriteAllText(_folder["folder/a.txt"], "");
        Directory.CreateDirectory(_folder["folder/b"]);
        Assert.Equal([_folder["folder/a.txt"]], FolderListing.FilesIfAny(_folder["folder"], "*.txt"));
        Assert.Equal(2, FolderListing.EntriesIfAny(_folder["folder"]).Length);
        Assert.Throws<DataException>(() => FolderListing.FilesIfAny(_folder[new string('n', 300)]));
    }

    [Fact]
    public void PathCheck_OfWhatTheSystemCannotTell_NamesTheReason()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have .NET's checks");
        File.WriteAllText(_folder["file"], "");
        Directory.CreateDirectory(_folder["folder"]);
        File.CreateSymbolicLink(_folder["link"], "file");
        File.CreateSymbolicLink(_folder["loop"], "loop");
        File.CreateSymbolicLink(_folder["dangling"], "nothing");
        Assert.Equal([true, true, false, false, false, false], Array.ConvertAll(["file", "link", "folder", "missing", "file/below", "a\0b"], name => PathCheck.IsFile(_folder[name])));
        Assert.Equal([false, true, false], Array.ConvertAll(["file", "folder", "missing"], name => PathCheck.IsFolder(_folder[name])));
        foreach (var (name, reason) in new[] { ("loop", "cannot be read: Too many levels of symbolic links"), (new string('n', 300), "cannot be read: the path, or a name in it, is too long"), ("dangling", "is a link to nothing") })
        {
            Assert.Equal($"{_folder[name]}: {reason}", Assert.Throws<DataException>(() => PathCheck.IsFile(_folder[name])).Message);
            Assert.Equal($"{_folder[name]}: {reason}", Assert.Throws<DataException>(() => PathCheck.IsFolder(_folder[name])).Message);
        }
    }

    [Fact]
    public void Make_MissingFolders_MakesThemAndRefusesAFile()
    {
        DurableFolder.Make(_folder["a/b"]);
        DurableFolder.Make(_folder["a/b"]);
        Assert.Equal(["a", "a/b"], _folder.Listing);
        File.WriteAllText(_folder["file"], "");
        Assert.Throws<IOException>(() => DurableFolder.Make(_folder["file"]));
    }
}
