using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>The emulator: right kernels give right results in every order of threads, and it finds mistakes.</summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class EmulatorTests : IDisposable
{
    private const int Count = PlantedKernels.Threads * PlantedKernels.Blocks;

    public static TheoryData<string, string> Mistakes
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (kernel, finding) in PlantedKernels.Mistakes)
                data.Add(kernel.Entry, finding);
            return data;
        }
    }

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void Launch_RightKernels_GiveTheSameInEveryOrder(ulong schedule, bool check)
    {
        using var device = CudaMachine.Open();
        CudaMachine.Configure(schedule, check);

        var (mirrored, _) = Run(device, PlantedKernels.Nothing);
        for (int i = 0; i < Count; i++)
            Assert.Equal(PlantedKernels.Threads - 1 - i % PlantedKernels.Threads + PlantedKernels.Threads * (PlantedKernels.Threads - 1) / 2, mirrored[i]);

        var (shuffled, lowest) = Run(device, PlantedKernels.Atomics);
        Assert.Equal(1000u - Count + 1, lowest);
        for (int i = 0; i < Count; i++)
        {
            int lane = i % PlantedKernels.Threads, first = lane / 8 * 8;
            Assert.Equal(Math.Min(lane + 1, first + 7) + Math.Max(lane - 1, first) + first + 3, shuffled[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Launch_PlantedMistake_IsFoundInEveryOrder(string entry, string finding)
    {
        CudaMachine.SkipUnlessEmulator();
        for (ulong schedule = 0; schedule < 4; schedule++)
        {
            using var device = CudaMachine.Open();
            CudaMachine.Configure(schedule, check: true);
            var failure = Assert.Throws<CudaException>(() => Run(device, PlantedKernels.Mistakes.Single(mistake => mistake.Kernel.Entry == entry).Kernel));
            Assert.Matches(finding, failure.Message);
            Assert.Matches(@"Planted\.cu:\d+|Common\.cuh:\d+", failure.Message);
            Assert.Equal(entry, failure.Kernel);
        }
    }

    private static (float[] Out, uint Lowest) Run(CudaDevice device, Kernel<PlantedArgs> kernel)
    {
        float[] values = new float[Count];
        uint lowest = uint.MaxValue;
        nint output = device.Allocate(Count * sizeof(float)), number = device.Allocate(sizeof(uint));
        device.Upload(MemoryMarshal.AsBytes(new Span<uint>(ref lowest)), number);
        device.Stream.Run(kernel, new PlantedArgs { Out = (float*)output, Lowest = (uint*)number, Count = Count });
        device.Download(output, MemoryMarshal.AsBytes(values.AsSpan()));
        device.Download(number, MemoryMarshal.AsBytes(new Span<uint>(ref lowest)));
        device.Free(output);
        device.Free(number);
        return (values, lowest);
    }
}
