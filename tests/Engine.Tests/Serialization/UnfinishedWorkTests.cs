using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>These tests remove the results that all others of the process are writing.</summary>
[CollectionDefinition(nameof(UnfinishedWorkTests), DisableParallelization = true)]
[Collection(nameof(UnfinishedWorkTests))]
public sealed class UnfinishedWorkTests
{
    [Fact]
    public void RemoveAll_ResultsInWork_AreRemovedBeforeTheEndTheNewestFirst()
    {
        var removed = new List<string>();
        using var older = UnfinishedWork.Result(() => Remove("older"));
        UnfinishedWork.Result(() => Remove("done")).Dispose();
        using var broken = UnfinishedWork.Result(static () => throw new InvalidOperationException("in use"));
        using var newer = UnfinishedWork.Result(() => Remove("newer"));
        using var state = UnfinishedWork.State();
        UnfinishedWork.RemoveAll(() => Remove("end"));
        Assert.Equal(["newer", "older", "end"], removed);

        void Remove(string name) => removed.Add(name);
    }

    [Fact]
    public void RemoveAll_FileInWork_DeletesWhatThereIs()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<DataException>(() => AtomicFile.Write(folder["file"], stream =>
        {
            stream.Write(new byte[100_000]);
            Assert.Single(folder.Listing);
            UnfinishedWork.RemoveAll(() => Assert.Empty(folder.Listing));
        }));
        Assert.Empty(folder.Listing);
    }

    [Fact]
    public void RemoveAll_Claims_AreGivenUp()
    {
        using var folder = new TemporaryFolder();
        var claims = new ClaimFolder(folder.Path, TimeProvider.System);
        using var claim = claims.TryTake("work", FileClaim.DefaultTakeover)!;
        Assert.False(claims.Find("work")!.IsFree);
        UnfinishedWork.RemoveAll(() =>
        {
            Assert.True(claims.Find("work")!.IsFree);
            Assert.False(claim.IsOwn());
        });
    }

    [Fact]
    public void RemoveAll_FoldersInWork_DeletesWhatThereIs()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<DataException>(() => AtomicFolder.Write(folder["checkpoint"], Fill));
        Assert.Throws<DataException>(() => AtomicFolder.WriteNew(folder["made/new"], Fill));
        Assert.Empty(folder.Listing);

        void Fill(AtomicFolder files)
        {
            files.Add("one", static stream => stream.Write(new byte[100]));
            Assert.NotEmpty(folder.Listing);
            UnfinishedWork.RemoveAll(() => Assert.Empty(folder.Listing));
            files.Add("two", static stream => stream.Write(new byte[100]));
        }
    }

    [Fact]
    public void Saves_StateInWork_IsTrueUntilItIsDone()
    {
        using (UnfinishedWork.State())
            Assert.True(UnfinishedWork.Saves);
        Assert.False(UnfinishedWork.Saves);
    }

    [Fact]
    public void Place_DuringTheEnd_Waits()
    {
        using var placed = new ManualResetEventSlim();
        UnfinishedWork.RemoveAll(() =>
        {
            new Thread(() => UnfinishedWork.Place(placed.Set)).Start();
            Assert.False(placed.Wait(50, TestContext.Current.CancellationToken));
        });
        Assert.True(placed.Wait(10_000, TestContext.Current.CancellationToken));
    }
}
