using VideoSim.Engine.Interop;
using VideoSim.Engine.Tests.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Interop;

/// <summary>A rename that must not replace a file never does, whoever else renames.</summary>
public sealed class FolderCallsTests : IDisposable
{
    private const int Threads = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TryRename_FreeName_MovesTheFile()
    {
        File.WriteAllText(_folder["from"], "content");
        Assert.True(FolderCalls.TryRename(_folder["from"], _folder["to"]));
        Assert.Equal(["to"], _folder.Listing);
        Assert.Equal("content", File.ReadAllText(_folder["to"]));
    }

    [Fact]
    public void TryRename_NameThatIsTaken_ChangesNothing()
    {
        File.WriteAllText(_folder["from"], "from");
        File.WriteAllText(_folder["to"], "to");
        Assert.False(FolderCalls.TryRename(_folder["from"], _folder["to"]));
        Assert.Equal(("from", "to"), (File.ReadAllText(_folder["from"]), File.ReadAllText(_folder["to"])));
    }

    [Fact]
    public void TryRename_FileThatHasGone_ChangesNothing()
    {
        Assert.False(FolderCalls.TryRename(_folder["from"], _folder["to"]));
        Assert.Empty(_folder.Listing);
    }

    [Fact]
    public void TryRename_FolderThatIsAFile_Throws()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Throws<IOException>(() => FolderCalls.TryRename(_folder["file"], Path.Combine(_folder["file"], "to")));
    }

    [Fact]
    public void TryRename_ManyThreads_LosesNoFile()
    {
        using var next = new Barrier(Threads);
        int won = 0;
        const int rounds = 200;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            for (int round = 0; round < rounds; round++)
            {
                File.WriteAllText(_folder[$"from-{round}-{thread}"], "");
                next.SignalAndWait();
                if (FolderCalls.TryRename(_folder[$"from-{round}-{thread}"], _folder[$"to-{round}"]))
                    Interlocked.Increment(ref won);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(rounds, won);
        Assert.Equal(rounds * Threads, _folder.Listing.Length);
    }
}
