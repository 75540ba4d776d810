using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>A lock has one owner, also while owners delete its file.</summary>
public sealed class FileLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void TryTake_FileIsDeletedByEachOwner_HasOneOwner()
    {
        int owners = 0, taken = 0, most = 0;
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            for (int i = 0; i < 3_000; i++)
            {
                if (FileLock.TryTake(_folder["lock"]) is not { } owned)
                    continue;
                int now = Interlocked.Increment(ref owners);
                if (now > 1)
                    Interlocked.Exchange(ref most, now);
                Interlocked.Increment(ref taken);
                Thread.SpinWait(500);
                Interlocked.Decrement(ref owners);
                FileLock.ReleaseAndDelete(owned);
            }
        });
        Assert.True(taken > 100, $"taken {taken} times");
        Assert.Equal(0, most);
        Assert.Empty(_folder.Listing);
    }

    // On NFS and SMB, .NET does not share the lock of a file that is open for writing.
    [Fact]
    public void TryTake_Shared_IsOpenForReadingOnly()
    {
        using (var first = FileLock.TryTake(_folder["lock"], shared: true)!)
        using (var second = FileLock.TryTake(_folder["lock"], shared: true))
        {
            Assert.NotNull(second);
            Assert.Equal((false, true), (first.CanWrite, first.CanRead));
            Assert.Null(FileLock.TryTake(_folder["lock"]));
        }
        using (FileLock.TryTake(_folder["lock"]))
            Assert.Null(FileLock.TryTake(_folder["lock"], shared: true));
    }

    public void Dispose() => _folder.Dispose();
}
