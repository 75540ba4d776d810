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
    public void Make_MissingFolders_MakesThemAndRefusesAFile()
    {
        DurableFolder.Make(_folder["a/b"]);
        DurableFolder.Make(_folder["a/b"]);
        Assert.Equal(["a", "a/b"], _folder.Listing);
        File.WriteAllText(_folder["file"], "");
        Assert.Throws<IOException>(() => DurableFolder.Make(_folder["file"]));
    }
}
