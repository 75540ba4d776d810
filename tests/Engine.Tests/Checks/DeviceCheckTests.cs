using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Checks;

/// <summary>The verdicts of the check of a device. The tests of the command run it over the emulator.</summary>
public sealed class DeviceCheckTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData(0.9, true, true, DeviceCheck.Right)]
    [InlineData(1.0, true, false, DeviceCheck.Right)]
    [InlineData(1.1, true, true, DeviceCheck.Look)]
    [InlineData(2.0, true, true, DeviceCheck.Look)]
    [InlineData(1.1, true, false, DeviceCheck.Failed)]
    [InlineData(2.1, true, true, DeviceCheck.Failed)]
    [InlineData(double.NaN, true, true, DeviceCheck.Failed)]
    [InlineData(0.1, false, true, DeviceCheck.Failed)]
    public void Judge_WorstOutput_DecidesTheVerdict(double error, bool bitsEqual, bool isReal, string verdict)
    {
        var judged = new DeviceCheck(_device, isReal).Judge("kernel", "case", [new("small", 0.5, 0, 10), new("worst", error, 0, 1), new("zero", 0, 0, 1)], bitsEqual);
        Assert.Equal(new CheckedCase("kernel", "case", "worst", error, 1, bitsEqual, verdict), judged);
        Assert.Equal(error, judged.ErrorOverBound);
    }

    [Fact]
    public void WorstFirst_AnyOrder_PutsFailuresFirstAndNaNBeforeNumbers()
    {
        CheckedCase[] ordered =
        [
            Case("unwritten", double.NaN, true, DeviceCheck.Failed), Case("large", 3, true, DeviceCheck.Failed), Case("differs", 0.1, false, DeviceCheck.Failed),
            Case("look", 1.2, true, DeviceCheck.Look), Case("near", 0.9, true, DeviceCheck.Right), Case("exact", 0, true, DeviceCheck.Right),
        ];
        Assert.Equal(ordered, DeviceCheck.WorstFirst([.. ordered.Reverse()]));
        Assert.Equal(ordered, DeviceCheck.WorstFirst([ordered[3], ordered[5], ordered[0], ordered[4], ordered[2], ordered[1]]));

        static CheckedCase Case(string name, double error, bool equal, string verdict) => new("kernel", name, "y", error, 1, equal, verdict);
    }

    // The kernel's second run leaves -0 where the others leave 0: equal as numbers.
    [Fact]
    public unsafe void Run_RepeatWithOtherBits_Fails()
    {
        int runs = 0;
        var kernel = new Kernel<Zero>("zero") { CountItems = static (in Zero _) => 1, Twin = static (in Zero a, int _, int _) => *a.Y = a.Value, CountCost = static (in Zero _) => default };
        var build = new CheckBuilder(1);
        var y = build.Output("y", 1);
        var check = build.Build("zeros", launcher => launcher.Run(kernel, new Zero { Y = y.Floats, Value = ++runs == 2 ? -0f : 0f }), new Zeros(), factor: 2);
        var judged = new DeviceCheck(_device, isReal: true).Run(kernel, check);
        Assert.Equal(("zero", "zeros", 0.0, false, DeviceCheck.Failed), (judged.Entry, judged.Case, judged.Error, judged.BitsEqual, judged.Verdict));
        Assert.Equal(3, runs);
    }

    private unsafe struct Zero
    {
        public float* Y;
        public float Value;
    }

    private sealed class Zeros : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T> => values["y"][0] = T.Zero;
    }
}
