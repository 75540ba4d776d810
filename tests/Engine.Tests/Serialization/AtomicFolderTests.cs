using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class AtomicFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Write_NewFolder_AppearsWithAllItsFiles()
    {
        AtomicFolder.Write(folder["run/checkpoint-7"], draft =>
        {
            draft.Add("weights", stream => stream.Write("w"u8));
            Assert.False(Directory.Exists(folder["run/checkpoint-7"]));
            draft.Add("state", stream => stream.Write("s"u8));
        });

        Assert.Equal(["run", "run/checkpoint-7", "run/checkpoint-7/state", "run/checkpoint-7/weights"], folder.Listing);
    }

    [Fact]
    public void Write_OldFolder_IsReplacedWhole()
    {
        AtomicFolder.Write(folder["last"], draft => draft.Add("old", _ => { }));
        AtomicFolder.Write(folder["last/"], draft => draft.Add("new", _ => { }));

        Assert.Equal(["last", "last/new"], folder.Listing);
    }

    [Fact]
    public void Write_DiskFullInTheSecondFile_KeepsTheOldFolderAndNamesTheFile()
    {
        AtomicFolder.Write(folder["last"], draft => draft.Add("weights", stream => stream.Write("old"u8)));
        var failure = Assert.Throws<DataException>(() => AtomicFolder.Write(
            folder["last"],
            draft =>
            {
                draft.Add("weights", stream => stream.Write("new"u8));
                draft.Add("moments", stream => stream.Write("longer"u8));
            },
            file => new FullDiskStream(file, room: 5)));

        Assert.Equal($"{folder["last/moments"]}: cannot be written: No space left on device", failure.Message);
        Assert.Equal(["last", "last/weights"], folder.Listing);
        Assert.Equal("old", File.ReadAllText(folder["last/weights"]));
    }

    [Fact]
    public void Write_ParentIsAFile_NamesPathAndReason()
    {
        File.WriteAllText(folder["run"], "");
        var failure = Assert.Throws<DataException>(() => AtomicFolder.Write(folder["run/last"], _ => { }));

        Assert.StartsWith($"{folder["run/last"]}: cannot be written: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_LeftoverOfAKilledWriter_IsNotMixedIn()
    {
        Directory.CreateDirectory(folder[".tmp-last"]);
        File.WriteAllText(folder[".tmp-last/stale"], "");
        AtomicFolder.Write(folder["last"], draft => draft.Add("new", _ => { }));

        Assert.Equal(["last", "last/new"], folder.Listing);
    }

    [Fact]
    public void Recover_KilledBetweenTheRenames_BringsTheOldFolderBack()
    {
        Directory.CreateDirectory(folder[".old-last"]);
        Directory.CreateDirectory(folder[".tmp-last"]);
        AtomicFolder.Recover(folder.Path, "last");

        Assert.Equal(["last"], folder.Listing);
    }

    [Fact]
    public void Recover_KilledAfterTheRenames_KeepsTheNewFolder()
    {
        Directory.CreateDirectory(folder[".old-last"]);
        AtomicFolder.Write(folder["last"], draft => draft.Add("new", _ => { }));
        Directory.CreateDirectory(folder[".old-last"]);
        AtomicFolder.Recover(folder.Path, "last");

        Assert.Equal(["last", "last/new"], folder.Listing);
    }

    [Fact]
    public void Recover_Pattern_LeavesOtherFoldersAlone()
    {
        string[] names = [".old-other", ".tmp-checkpoint-12", ".tmp-other", "checkpoint-3"];
        foreach (var name in names)
        {
            Directory.CreateDirectory(folder[name]);
        }
        AtomicFolder.Recover(folder.Path, "checkpoint-*");
        AtomicFolder.Recover(folder["missing"], "checkpoint-*");

        Assert.Equal([".old-other", ".tmp-other", "checkpoint-3"], folder.Listing);
    }
}
