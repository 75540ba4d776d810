using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>Which machines have made the parts of a reproduction, and which differences are reported.</summary>
[Collection(EmulatedMachine.Collection)]
public sealed class PartMachinesTests : IDisposable
{
    private static readonly MadeBy Gpu = new("NVIDIA H200", "cuBLASLt 12.4.5, NVRTC 12.4", "version 0.1.0 (0123456)");

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly CpuDevice _device = new(threads: 1);

    public void Dispose()
    {
        _device.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void Changes_OfAHistory_AreTheLastValueAndAnEarlierOne()
    {
        Assert.Empty(MadeBy.Changes([]));
        Assert.Empty(MadeBy.Changes([Gpu, Gpu with { }]));
        Assert.Empty(MadeBy.Changes([Gpu, new(null, null, null), Gpu])); // not known
        Assert.Equal(["NVIDIA H100 after NVIDIA H200"], MadeBy.Changes([Gpu, Gpu with { Device = "NVIDIA H100" }]));
        Assert.Equal(["NVIDIA H200 after NVIDIA H100"], MadeBy.Changes([Gpu with { Device = "NVIDIA H100" }, Gpu, Gpu with { Device = null }]));
        Assert.Equal(["cuBLASLt 13.0.0 after cuBLASLt 12.4.5, NVRTC 12.4", "version 0.1.0 after version 0.1.0 (0123456)"], MadeBy.Changes([Gpu, Gpu with { Libraries = "cuBLASLt 13.0.0", Program = MadeBy.ProgramOf("0.1.0", null) }]));
    }

    // Without labels nothing is computed on the device of the process that collects.
    [Fact]
    public void Mixed_CollectorOfAnotherKind_IsNamedIfItsDeviceMakesResults()
    {
        var here = MadeBy.This(_device);
        var labelled = Context();
        Assert.Empty(PartMachines.Mixed(labelled, Parts(here, here)));
        Assert.Equal([$"the results on {here.Device} after NVIDIA H200"], PartMachines.Mixed(labelled, Parts(here, here with { Device = "NVIDIA H200" })));
        File.Delete(labelled.Data.TestLabels("b"));
        Assert.Empty(PartMachines.Mixed(labelled, Parts(Gpu with { Program = here.Program })));
        Assert.Equal([$"the results on {here.Program} after {Gpu.Program}"], PartMachines.Mixed(labelled, Parts(Gpu)));
    }

    [Fact]
    public void This_OfAGpu_HasItsModelAndItsLibraries()
    {
        using var cuda = EmulatedMachine.Open();
        Assert.Equal(("cuda:0 emulator", "emulator"), (cuda.Name, MadeBy.This(cuda).Device));
        Assert.StartsWith("cuBLASLt 12.4.0", MadeBy.This(cuda).Libraries, StringComparison.Ordinal);
        Assert.Null(MadeBy.This(_device).Libraries);
        string run = Path.Combine(_root, "run");
        RunSessions.Begin(run, cuda, 0, TimeProvider.System, IProgressSink.None);
        Assert.Equal(MadeBy.This(cuda), RunSessions.Of(run)[0].MadeBy);
    }

    private ReproductionContext Context()
    {
        string data = Path.Combine(_root, "data");
        TinyData.Write(data);
        var options = new ReproductionOptions { OutputDirectory = Path.Combine(_root, "out"), Preset = "micro", Models = ["mix"], Folds = 1, Data = data };
        return new ReproductionContext(_device, options, IProgressSink.None, TimeProvider.System, TestContext.Current.CancellationToken);
    }

    private static (ReproductionPart, PartRecord)[] Parts(params MadeBy[] made) =>
        [.. made.Select(static (one, i) => (new ReproductionPart(i + 1, "mix", i == 0 ? null : i, []), new PartRecord("host", 1, "device", one, 0, 0, 1)))];
}
