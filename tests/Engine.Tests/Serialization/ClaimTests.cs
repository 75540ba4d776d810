using System.Text.Json;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>A work has one owner, clocks of other machines decide nothing, and an owner that is late stops.</summary>
public sealed class ClaimTests : IDisposable
{
    private const string Work = "mix.fold-1";
    private static readonly TimeSpan Takeover = TimeSpan.FromSeconds(180), AlmostTakeover = TimeSpan.FromSeconds(179);

    private readonly TemporaryFolder _folder = new();
    private readonly StoppedClock _clock = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TryTake_FreeWork_IsWonByOneThread()
    {
        for (int round = 0; round < 20; round++)
            Assert.Equal($"work-{round}.claim-1", Race($"work-{round}"));
    }

    [Fact]
    public void TryTake_DeadOwner_IsWonByOneThread()
    {
        for (int round = 0; round < 20; round++)
        {
            WriteClaim($"work-{round}", 1, Dead);
            Assert.Equal($"work-{round}.claim-2", Race($"work-{round}"));
        }
    }

    [Fact]
    public void TryTake_ProcessOfThisMachineThatHasEnded_IsTakenAtOnce()
    {
        WriteClaim(Work, 1, Dead);
        using var claim = Claims().TryTake(Work, Takeover)!;
        Assert.Equal((Dead, true), (claim.TakenFrom, claim.HasPredecessor));
        Assert.Equal([$"{Work}.claim-2"], _folder.Listing);
        // The number of the process belongs to another one now.
        WriteClaim("other", 1, ClaimOwner.This with { Started = ClaimOwner.This.Started + 1 });
        using var other = Claims().TryTake("other", Takeover);
        Assert.NotNull(other);
    }

    [Fact]
    public void TryTake_ProcessThatMayLive_IsNotTaken()
    {
        WriteClaim("live", 1, ClaimOwner.This);
        WriteClaim("elsewhere", 1, Dead with { Machine = "another machine" });
        WriteClaim("unknown", 1, Dead with { Machine = null });
        // Another process has renamed it and has not written its content yet.
        WriteClaim("changing", 2, Dead, generation: 1);
        File.WriteAllText(_folder["damaged.claim-1"], "{");
        foreach (string work in new[] { "live", "elsewhere", "unknown", "changing", "damaged" })
            Assert.Null(Claims().TryTake(work, Takeover));
        var seen = Claims().All();
        Assert.Equal(ClaimOwner.This, seen["live"].Owner);
        Assert.Equal((null, null), (seen["changing"].Owner, seen["damaged"].Owner));
    }

    // The clock of the watcher is 10 minutes ahead of that of the owner, and so are the times of its files.
    [Fact]
    public void TryTake_OwnerWithASlowClock_IsTakenOnlyAfterItsOwnSecondsWithoutAChange()
    {
        string file = WriteClaim(Work, 1, Elsewhere);
        File.SetLastWriteTimeUtc(file, _clock.GetUtcNow().UtcDateTime - TimeSpan.FromMinutes(10));
        var claims = Claims();
        for (int beat = 1; beat < 5; beat++)
        {
            Assert.Null(claims.TryTake(Work, TimeSpan.FromSeconds(1)));
            Assert.Null(Watch(claims, AlmostTakeover));
            Assert.Equal(beat > 1, claims.Find(Work)!.HasChanged);
            WriteClaim(Work, 1, Elsewhere, beat: beat);
            File.SetLastWriteTimeUtc(file, _clock.GetUtcNow().UtcDateTime - TimeSpan.FromMinutes(10));
        }
        Assert.Null(claims.TryTake(Work, TimeSpan.FromSeconds(1)));
        _clock.Now -= TimeSpan.FromDays(1); // somebody sets the clock
        using var claim = Watch(claims, Takeover);
        Assert.Equal(Elsewhere, claim!.TakenFrom);
    }

    // A file server that does not answer, or a scheduler, stops watcher and owner at the same time. After that the
    // watcher may look before the owner changes its file.
    [Fact]
    public void TryTake_WatcherThatWasStopped_GivesTheOwnerTime()
    {
        WriteClaim(Work, 1, Elsewhere);
        var claims = Claims();
        Assert.Null(claims.TryTake(Work, Takeover));
        for (int stop = 0; stop < 5; stop++)
        {
            _clock.Elapsed += TimeSpan.FromHours(1);
            Assert.Null(claims.TryTake(Work, Takeover));
        }
        WriteClaim(Work, 1, Elsewhere, beat: 1);
        Assert.Null(claims.TryTake(Work, Takeover));
        Assert.Null(Watch(claims, AlmostTakeover));
        _clock.Elapsed += TimeSpan.FromHours(1);
        using var claim = claims.TryTake(Work, Takeover);
        Assert.NotNull(claim);
    }

    [Fact]
    public void TryTake_SecondLookThatFails_GivesTheClaimUp()
    {
        _clock.Fails = true; // the first look finds no claim
        Assert.Throws<DataException>(() => Claims().TryTake(Work, Takeover));
        _clock.Fails = false;
        using var next = Claims().TryTake(Work, Takeover);
        Assert.NotNull(next);
    }

    [Fact]
    public void TryTake_ClaimThatIsAFolder_IsNamed()
    {
        string folder = Directory.CreateDirectory(_folder[$"{Work}.claim-1"]).FullName;
        Assert.Equal($"{folder}: cannot be written: it is a folder", Assert.Throws<DataException>(() => Claims().TryTake(Work, Takeover)).Message);
    }

    // The folder of the claims may be another one now.
    [Fact]
    public void TryTake_WorkThatMustNotWrite_MakesNoClaim()
    {
        using (WriteGuard.Begin(static () => throw new DataException("moved")))
            Assert.Equal("moved", Assert.Throws<DataException>(() => Claims().TryTake(Work, Takeover)).Message);
        Assert.Empty(_folder.Listing);
    }

    [Fact]
    public void Claim_OfAFolderThatAnotherProcessDeletes_IsNone()
    {
        string gone = _folder["gone"];
        Assert.Empty(new ClaimFolder(gone, _clock).All());
        Assert.Null(FileClaim.TryWrite(Path.Combine(gone, $"{Work}.claim-1"), 1, Takeover, isNew: true, takenFrom: null));
    }

    [Fact]
    public async Task Find_FolderThatOthersMakeAndDelete_IsNone()
    {
        string folder = _folder["parts"];
        int looks = 0;
        await While(MakeAndDelete, () =>
        {
            Assert.Null(new ClaimFolder(folder, _clock).Find(Work));
            return ++looks < 20_000;
        });

        void MakeAndDelete()
        {
            Directory.CreateDirectory(folder);
            Directory.Delete(folder);
        }
    }

    [Fact]
    public async Task TryWrite_ClaimThatOthersMakeAndDelete_IsOwnedOrNot()
    {
        int taken = 0;
        await While(() => TakeAndDelete(), () => !TakeAndDelete() || ++taken < 200);

        bool TakeAndDelete()
        {
            using var claim = FileClaim.TryWrite(_folder[$"{Work}.claim-1"], 1, Takeover, isNew: true, takenFrom: null);
            claim?.Delete();
            return claim is not null;
        }
    }

    [Fact]
    public void Read_FileServerWithErrors_ReadsAgainUnlessTheFileHasGone()
    {
        string file = WriteClaim(Work, 1, Elsewhere);
        int errors = 1;
        Assert.Equal(File.ReadAllBytes(file), FileClaim.Read(file, Open));
        errors = 2;
        Assert.Equal($"{file}: cannot be read: Input/output error", Assert.Throws<DataException>(() => FileClaim.Read(file, Open)).Message);
        Assert.Null(FileClaim.Read(file, static path =>
        {
            File.Delete(path);
            throw new IOException("Stale file handle");
        }));

        Stream Open(string path) => errors-- > 0 ? throw new IOException("Input/output error") : File.OpenRead(path);
    }

    [Fact]
    public void Owner_ThatWasStoppedTooLong_StopsBeforeItsNextWrite()
    {
        using var late = Claims().TryTake(Work, Takeover)!;
        string result = _folder["result"], folder = _folder["folder"];
        AtomicFile.Write(result, static stream => stream.Write("old"u8));
        using (WriteGuard.Begin(() => Require(late)))
        {
            AtomicFile.Write(result, static stream => stream.Write("its own"u8));
            // It is stopped after it began to write and before the file gets its place.
            Assert.Throws<DataException>(() => AtomicFile.Write(result, stream =>
            {
                stream.Write("late"u8);
                TakeOver();
            }));
            Assert.Throws<DataException>(() => AtomicFile.Write(result, static _ => Assert.Fail("it has begun to write")));
            Assert.Throws<DataException>(() => AtomicFile.WritePair(result, static _ => Assert.Fail("first"), folder, static _ => Assert.Fail("second")));
            Assert.Throws<DataException>(() => AtomicFolder.Write(folder, static _ => Assert.Fail("it has begun to write")));
            Assert.Throws<DataException>(() => AtomicFolder.Delete(_folder.Path));
            Assert.Throws<DataException>(() => AtomicFolder.Recover(_folder.Path, static _ => true));
        }
        Assert.Equal("its own", File.ReadAllText(result));
        Assert.Equal([$"{Work}.claim-2", "result"], _folder.Listing);
        // Its end changes nothing of the new owner's.
        byte[] content = File.ReadAllBytes(_folder[$"{Work}.claim-2"]);
        late.Delete();
        late.Dispose();
        Assert.Equal(content, File.ReadAllBytes(_folder[$"{Work}.claim-2"]));
        AtomicFile.Write(result, static stream => stream.Write("no guard"u8));
    }

    // A process that looked before the claim changed hands twice must not rename the newest one.
    [Fact]
    public void TryTake_ClaimThatWasGivenUp_NeverHasAnEarlierName()
    {
        foreach (int generation in new[] { 1, 2, 3 })
        {
            using var claim = Claims().TryTake(Work, Takeover)!;
            Assert.Equal([$"{Work}.claim-{generation}"], _folder.Listing);
            Assert.Null(claim.TakenFrom);
            Assert.Null(Claims().TryTake(Work, Takeover));
        }
        using var last = Claims().TryTake(Work, Takeover)!;
        last.Delete();
        Assert.Empty(_folder.Listing);
        Assert.False(last.IsOwn());
    }

    // It was made by a process that had looked before the newer one was there.
    [Fact]
    public void Find_ClaimBesideANewerOne_IsIgnored()
    {
        for (int i = 0; i < 8; i++)
        {
            // A folder has its files in any order.
            WriteClaim($"work-{i}", 1 + i % 2, i % 2 == 0 ? Dead : Elsewhere);
            WriteClaim($"work-{i}", 2 - i % 2, i % 2 == 0 ? Elsewhere : Dead);
            Assert.Equal(2, Claims().Find($"work-{i}")!.Generation);
            Assert.Null(Claims().TryTake($"work-{i}", Takeover));
        }
    }

    // It was killed after the file had its new name and before the old name was gone.
    [Fact]
    public void TryTake_ProcessThatWasKilledWhileItRenamed_LeavesNoOldName()
    {
        WriteClaim(Work, 1, Dead);
        WriteClaim(Work, 2, Dead);
        WriteClaim($"{Work}0", 1, Dead);
        using var claim = Claims().TryTake(Work, Takeover);
        Assert.Equal([$"{Work}.claim-3", $"{Work}0.claim-1"], _folder.Listing);
    }

    [Fact]
    public void Claim_OfAProcessThatWorks_ChangesAgainAndAgain()
    {
        using var claim = Claims().TryTake(Work, TimeSpan.FromSeconds(0.3))!;
        var contents = new HashSet<string>();
        for (int i = 0; i < 500 && contents.Count < 4; i++)
        {
            contents.Add(File.ReadAllText(_folder[$"{Work}.claim-1"]));
            Thread.Sleep(10);
        }
        Assert.Equal(4, contents.Count);
        Assert.True(claim.IsOwn());
    }

    private static ClaimOwner Dead => ClaimOwner.This with { Process = int.MaxValue };

    private static ClaimOwner Elsewhere => new("elsewhere", 7, "another machine", 1);

    private ClaimFolder Claims() => new(_folder.Path, _clock);

    // Looks as often as is needed for a takeover.
    private FileClaim? Watch(ClaimFolder claims, TimeSpan time)
    {
        FileClaim? taken = null;
        for (var end = _clock.Elapsed + time; taken is null && _clock.Elapsed < end;)
        {
            var left = end - _clock.Elapsed;
            _clock.Elapsed += left < Takeover / 6 ? left : Takeover / 6;
            taken = claims.TryTake(Work, TimeSpan.FromSeconds(1));
        }
        return taken;
    }

    // What another process does that has seen no change for long.
    // Does something again and again in another thread while this one looks, until the look is false.
    private static async Task While(Action other, Func<bool> look)
    {
        using var end = new CancellationTokenSource();
        var others = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
                other();
        });
        try
        {
            while (look())
            {
            }
        }
        finally
        {
            await end.CancelAsync();
            await others;
        }
    }

    private void TakeOver()
    {
        File.Move(_folder[$"{Work}.claim-1"], _folder[$"{Work}.claim-2"]);
        WriteClaim(Work, 2, Elsewhere);
    }

    private static void Require(FileClaim claim)
    {
        if (!claim.IsOwn())
            throw new DataException("taken over");
    }

    private string WriteClaim(string work, int number, ClaimOwner owner, int? generation = null, long beat = 0)
    {
        string file = _folder[$"{work}.claim-{number}"];
        File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(new ClaimContent("token", generation ?? number, owner, Takeover.TotalSeconds, Released: false, beat), ClaimJson.Default.ClaimContent));
        return file;
    }

    // The name of the claim of the only winner.
    private string Race(string work)
    {
        var won = new System.Collections.Concurrent.ConcurrentBag<FileClaim>();
        using var start = new Barrier(8);
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            var claims = Claims();
            start.SignalAndWait();
            if (claims.TryTake(work, Takeover) is { } claim)
                won.Add(claim);
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        using var only = Assert.Single(won);
        Assert.True(only.IsOwn());
        string[] files = [.. _folder.Listing.Where(name => name.StartsWith($"{work}.", StringComparison.Ordinal))];
        return Assert.Single(files);
    }

    // Its time of day and its monotonic time are set apart.
    private sealed class StoppedClock : TimeProvider
    {
        public TimeSpan Elapsed { get; set; }

        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow + TimeSpan.FromMinutes(10);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public bool Fails { get; set; }

        public override long GetTimestamp() => Fails ? throw new DataException("the claim cannot be read") : Elapsed.Ticks;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
