using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class WriteGuardTests
{
    [Fact]
    public void Require_ChecksOfSeveralScopes_RunInOrderUntilTheirScopesEnd()
    {
        string ran = "";
        var first = WriteGuard.Begin(() => ran += "1");
        var second = WriteGuard.Begin(() => ran += "2");
        Assert.Equal("12", Ran());
        first.Dispose();
        Assert.Equal("2", Ran());
        second.Dispose();
        Assert.Equal("", Ran());

        string Ran()
        {
            ran = "";
            WriteGuard.Require();
            return ran;
        }
    }

    [Fact]
    public void Write_CheckFails_LeavesTheOldFileAndNoOther()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.Write(folder["file"], static stream => stream.Write("old"u8));
        bool isLost = false;
        using (WriteGuard.Begin(() => Refuse(isLost)))
        {
            var error = Assert.Throws<DataException>(() => AtomicFile.Write(folder["file"], stream =>
            {
                stream.Write("new"u8);
                isLost = true; // between the first byte and the rename
            }));
            Assert.Equal("lost", error.Message);
            Assert.Throws<DataException>(() => AtomicFolder.Write(folder["folder"], static _ => Assert.Fail("the work began")));
            Assert.Throws<DataException>(() => AtomicFolder.Delete(folder["file"]));
        }
        Assert.Equal(["file"], folder.Listing);
        Assert.Equal("old", File.ReadAllText(folder["file"]));

        static void Refuse(bool isLost)
        {
            if (isLost)
                throw new DataException("lost");
        }
    }

    // A run writes with threads of its own.
    [Fact]
    public void Require_OnAThreadOfTheWork_RunsTheCheck()
    {
        int ran = 0;
        using (WriteGuard.Begin(() => Interlocked.Increment(ref ran)))
        {
            var thread = new Thread(WriteGuard.Require);
            thread.Start();
            thread.Join();
        }
        Assert.Equal(1, ran);
    }
}
