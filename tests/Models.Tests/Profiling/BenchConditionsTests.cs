using System.Globalization;
using VideoSim.Engine.Devices;
using VideoSim.Models.Profiling;
using VideoSim.Models.Progress;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

public sealed class BenchConditionsTests
{
    [Theory]
    [InlineData("abc", "1.0.0+def", "abc")]
    [InlineData("", "1.0.0+def", "def")]
    [InlineData(null, "1.0.0+def", "def")]
    [InlineData(null, "1.0.0", null)]
    [InlineData(null, null, null)]
    public void CommitOf_EnvironmentFirst_ThenTheBuild(string? environment, string? version, string? commit) => Assert.Equal(commit, Surroundings.CommitOf(environment, version));

    [Fact]
    public void ModuleVersionOf_LinesOfTheDriver_IsTheVersion()
    {
        Assert.Equal("580.65.06", BenchConditions.ModuleVersionOf(["NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:16:12 UTC 2025", "GCC version:  gcc version 12.2.0"]));
        Assert.Equal("570.133.20", BenchConditions.ModuleVersionOf(["NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build  (root@host)"]));
        Assert.Null(BenchConditions.ModuleVersionOf(["GCC version:  gcc version 12.2.0"]));
    }

    [Fact]
    public void ModelOf_LinesOfCpuInfo_IsTheFirstModel() => Assert.Equal("AMD EPYC 9555", Surroundings.ModelOf(["processor\t: 0", "model name\t: AMD EPYC 9555", "model name\t: other"]));

    [Fact]
    public void Of_Cpu_HasNoDriverAndNoClocks()
    {
        using var device = new CpuDevice(threads: 1);
        var conditions = BenchConditions.Of(device, TimeProvider.System);
        Assert.Equal((null, null), (conditions.Driver, conditions.Clocks));
        Assert.Matches(@"^\d+ cores, \.NET 10", conditions.Machine);
        var date = DateTimeOffset.ParseExact(conditions.Date, "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        Assert.InRange(DateTimeOffset.UtcNow - date, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }
}
