using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class AtomicFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Unfinished(string name) => $".tmp-{name}-0123456789abcdef";

    private static string Replaced(string name) => $".old-{name}-0123456789abcdef";

    [Fact]
    public void Write_NewFolder_AppearsWithAllItsFiles()
    {
        AtomicFolder.Write(_folder["run/checkpoint-7"], draft =>
        {
            draft.Add("weights", stream => stream.Write("w"u8));
            Assert.False(Directory.Exists(_folder["run/checkpoint-7"]));
            draft.Add("state", stream => stream.Write("s"u8));
        });

        Assert.Equal(["run", "run/checkpoint-7", "run/checkpoint-7/state", "run/checkpoint-7/weights"], _folder.Listing);
    }

    [Fact]
    public void Write_OldFolder_IsReplacedWhole()
    {
        AtomicFolder.Write(_folder["last"], draft => draft.Add("old", _ => { }));
        AtomicFolder.Write(_folder["last/"], draft => draft.Add("new", _ => { }));

        Assert.Equal(["last", "last/new"], _folder.Listing);
    }

    [Fact]
    public void Write_DiskFullInTheSecondFile_KeepsTheOldFolderAndNamesTheFile()
    {
        AtomicFolder.Write(_folder["last"], draft => draft.Add("weights", stream => stream.Write("old"u8)));
        var failure = Assert.Throws<DataException>(() => AtomicFolder.Write(
            _folder["last"],
            draft =>
            {
                draft.Add("weights", stream => stream.Write("new"u8));
                draft.Add("moments", stream => stream.Write("longer"u8));
            },
            file => new FullDiskStream(file, room: 5)));

        Assert.Equal($"{_folder["last/moments"]}: cannot be written: No space left on device", failure.Message);
        Assert.Equal(["last", "last/weights"], _folder.Listing);
        Assert.Equal("old", File.ReadAllText(_folder["last/weights"]));
    }

    [Fact]
    public void Write_PlaceIsAFile_IsRefusedBeforeTheWork()
    {
        File.WriteAllText(_folder["last"], "mine");
        var error = Assert.Throws<DataException>(() => AtomicFolder.Write(_folder["last"], static _ => Assert.Fail("the work began")));
        Assert.Equal($"{_folder["last"]}: cannot be written: it is a file, not a folder", error.Message);
        Assert.Equal(["last"], _folder.Listing);
    }

    [Fact]
    public void Write_ParentIsAFile_NamesPathAndReason()
    {
        File.WriteAllText(_folder["run"], "");
        var failure = Assert.Throws<DataException>(() => AtomicFolder.Write(_folder["run/last"], _ => { }));

        Assert.StartsWith($"{_folder["run/last"]}: cannot be written: ", failure.Message, StringComparison.Ordinal);
    }

    // The parent may be a folder of somebody else: only Recover deletes, and its caller names the folders.
    [Fact]
    public void Write_LeftoverOfAKilledWriter_StaysAndIsNotMixedIn()
    {
        Directory.CreateDirectory(_folder[Unfinished("last")]);
        File.WriteAllText(_folder[Unfinished("last") + "/stale"], "");
        AtomicFolder.Write(_folder["last"], draft => draft.Add("new", _ => { }));

        Assert.Equal([Unfinished("last"), Unfinished("last") + "/stale", "last", "last/new"], _folder.Listing);
    }

    // The unfinished content inside tells that the files are those of the killed writer.
    [Fact]
    public void WriteNew_WriterWasKilledBetweenItsMoves_IsDoneAgain()
    {
        Directory.CreateDirectory(_folder["new/.tmp-unfinished-0123456789abcdef"]);
        File.WriteAllText(_folder["new/.tmp-unfinished-0123456789abcdef/first"], "old");
        Directory.CreateDirectory(_folder["new/part"]);
        File.WriteAllText(_folder["new/part/second"], "old");
        File.WriteAllText(_folder["new/third"], "old");
        AtomicFolder.WriteNew(_folder["new"], Fill);
        Assert.Equal(["new", "new/first", "new/part", "new/part/second", "new/third"], _folder.Listing);
        Assert.All(["new/first", "new/part/second", "new/third"], name => Assert.Equal("new", File.ReadAllText(_folder[name])));
    }

    [Fact]
    public void WriteNew_WhileAnotherProcessWrites_IsRefusedAndTakesNothing()
    {
        AtomicFolder.WriteNew(_folder["new"], folder =>
        {
            folder.Add("early", static stream => stream.Write("new"u8));
            Assert.Equal($"{_folder["new"]}: another process is writing this folder", Assert.Throws<DataException>(() => AtomicFolder.WriteNew(_folder["new"], Fill)).Message);
        });
        Assert.Equal(["new", "new/early"], _folder.Listing);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WriteNew_FilesOfOthers_AreRefusedAndStay(bool besideALeftover)
    {
        string leftover = "new/.tmp-unfinished-0123456789abcdef";
        Directory.CreateDirectory(_folder[besideALeftover ? leftover : "new"]);
        File.WriteAllText(_folder["new/notes"], "mine");
        Assert.Equal($"{_folder["new"]}: is a folder with files; choose a new one", Assert.Throws<DataException>(() => AtomicFolder.WriteNew(_folder["new"], Fill)).Message);
        Assert.Equal(besideALeftover ? ["new", leftover, "new/notes"] : ["new", "new/notes"], _folder.Listing);
        Assert.Equal("mine", File.ReadAllText(_folder["new/notes"]));
    }

    private static void Fill(AtomicFolder folder)
    {
        folder.Add("first", static stream => stream.Write("new"u8));
        folder.AddFolder("part");
        folder.Add("part/second", static stream => stream.Write("new"u8));
        folder.Add("third", static stream => stream.Write("new"u8));
    }

    [Fact]
    public void Recover_KilledBetweenTheRenames_BringsTheOldFolderBack()
    {
        Directory.CreateDirectory(_folder[Replaced("last")]);
        Directory.CreateDirectory(_folder[Unfinished("last")]);
        AtomicFolder.Recover(_folder.Path, static name => name == "last");

        Assert.Equal(["last"], _folder.Listing);
    }

    [Fact]
    public void Recover_KilledAfterTheRenames_KeepsTheNewFolder()
    {
        Directory.CreateDirectory(_folder[Replaced("last")]);
        AtomicFolder.Write(_folder["last"], draft => draft.Add("new", _ => { }));
        Directory.CreateDirectory(_folder[Replaced("last")]);
        AtomicFolder.Recover(_folder.Path, static name => name == "last");

        Assert.Equal(["last", "last/new"], _folder.Listing);
    }

    [Fact]
    public void Recover_Pattern_LeavesOtherFoldersAlone()
    {
        string[] names = [Replaced("other"), ".tmp-checkpoint-12", Unfinished("checkpoint-12"), Unfinished("other"), "checkpoint-3"];
        foreach (string name in names)
            Directory.CreateDirectory(_folder[name]);
        AtomicFolder.Recover(_folder.Path, IsCheckpoint);
        AtomicFolder.Recover(_folder["missing"], IsCheckpoint);

        Assert.Equal([Replaced("other"), ".tmp-checkpoint-12", Unfinished("other"), "checkpoint-3"], _folder.Listing);

        static bool IsCheckpoint(string name) => name.StartsWith("checkpoint-", StringComparison.Ordinal);
    }
}
