using VideoSim.Engine.Compilation;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>The limit of a cache.</summary>
public sealed class CacheContentsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Trim_MoreThanTheLimit_DeletesWhatWasUsedLongestAgo()
    {
        Add("a", hours: 5);
        Add("b", hours: 9);
        Add("c", hours: 2);
        Add("new", hours: 0);
        CacheContents.Trim(Directory.GetFileSystemEntries(_folder), 4000);
        Assert.Equal(["a", "b", "c", "new"], Names());
        CacheContents.Trim(Directory.GetFileSystemEntries(_folder), 3500);
        Assert.Equal(["a", "c", "new"], Names());
        CacheContents.Touch(Path.Combine(_folder, "a"));
        CacheContents.Trim(Directory.GetFileSystemEntries(_folder), 2500);
        Assert.Equal(["a", "new"], Names());
        CacheContents.Trim(Directory.GetFileSystemEntries(_folder), 0); // used within the last hour
        Assert.Equal(["a", "new"], Names());
    }

    // Another process deletes them, or the system refuses.
    [Fact]
    public void Trim_EntriesThatCannotBeRead_AreNoError() => CacheContents.Trim(Enumerable.Range(0, 1).Select(string (_) => throw new IOException("gone")), 0);

    [Fact]
    public void Clear_Entries_ReturnsTheirBytes()
    {
        Add("a", hours: 0);
        Add("b", hours: 5);
        Assert.Equal(2000, CacheContents.Clear(Directory.GetFileSystemEntries(_folder)));
        Assert.Empty(Names());
    }

    // A folder with two files, or a file, of 1,000 bytes in all.
    private void Add(string name, int hours)
    {
        string path = Path.Combine(_folder, name);
        if (name == "b")
        {
            Directory.CreateDirectory(Path.Combine(path, "below"));
            File.WriteAllBytes(Path.Combine(path, "one"), new byte[400]);
            File.WriteAllBytes(Path.Combine(path, "below", "two"), new byte[600]);
        }
        else
        {
            File.WriteAllBytes(path, new byte[1000]);
        }
        Directory.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-hours));
    }

    private string[] Names() => [.. Directory.GetFileSystemEntries(_folder).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
