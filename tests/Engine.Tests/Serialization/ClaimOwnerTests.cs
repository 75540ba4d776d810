using System.Globalization;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>When a process counts as one of this machine, and as one that has ended.</summary>
public sealed class ClaimOwnerTests : IDisposable
{
    private readonly TemporaryFolder _proc = new();

    public void Dispose() => _proc.Dispose();

    // After 'unshare --pid' without '--mount-proc', /proc is that of the machine outside.
    [Fact]
    public void MachineOfThis_ProcOfAnotherNamespace_IsNotKnown()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no /proc");
        Write("sys/kernel/random/boot_id", "boot\n");
        foreach (int process in new[] { Environment.ProcessId, 7 })
        {
            string own = process.ToString(CultureInfo.InvariantCulture);
            Directory.CreateDirectory(_proc[$"{own}/ns"]);
            File.CreateSymbolicLink(_proc[$"{own}/ns/pid"], "pid:[1]");
            File.CreateSymbolicLink(_proc[$"{own}/ns/time"], "time:[2]");
            File.Delete(_proc["self"]);
            File.CreateSymbolicLink(_proc["self"], own);
            Assert.Equal(process == 7 ? null : "boot pid:[1] time:[2]", ClaimOwner.MachineOfThis(_proc.Path));
        }
        Assert.NotNull(ClaimOwner.This.Machine);
    }

    [Theory]
    [InlineData("R", 3, false)]
    [InlineData("D", 1, false)]
    [InlineData("X", 0, true)]
    [InlineData("Z", 1, true)]
    [InlineData("Z", 2, false)] // it is killed, and a thread still writes
    public void Parse_StatusOfAProcess_TellsWhetherAllItsThreadsHaveEnded(string state, int threads, bool hasEnded)
    {
        var status = ProcessStatus.Parse($"7 (a) b (c)) {state} 1 7 7 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 {threads} 0 12345 1000000 200");
        Assert.Equal((hasEnded, 12345), (status.HasEnded, status.Started));
    }

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_proc[name])!);
        File.WriteAllText(_proc[name], content);
    }
}
