using System.Runtime.InteropServices;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.PtxMachine.Counting;
using Xunit;

namespace VideoSim.PtxMachine.Tests.Counting;

/// <summary>Instructions of a launch that runs in part.</summary>
public sealed unsafe class SampledStreamTests : IDisposable
{
    private const int Threads = 96;
    private const string Source = "Narrow.cu"; // in place of the program's own

    private static readonly Kernel<LoopArgs> Loop = new("loop_f32")
    {
        From = new KernelFile("loop", Source),
        CountItems = static (in LoopArgs a) => a.Blocks,
        Twin = null,
        CountCost = static (in LoopArgs a) => new(a.Blocks, 4.0 * a.Blocks * Threads),
        LaunchShape = static (in LoopArgs a, in DeviceLimits _) => new(a.Blocks, Threads),
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    private struct LoopArgs
    {
        public float* X;
        public int Blocks, Rounds;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The assembler unrolls the loop. The second half of the blocks does nothing. 100,000 blocks are too many to run
    // all of them.
    [Theory]
    [InlineData(1, 1, 0.0)]
    [InlineData(1, 103, 0.0)]
    [InlineData(6, 7, 0.0)]
    [InlineData(100_000, 250, 0.02)]
    public void Launch_Loop_CountsItsLoadsAndSums(int blocks, int rounds, double tolerance)
    {
        var launch = Assert.Single(Sample(blocks, rounds, static (_, _) => true));
        double warps = Threads / 32.0 * ((blocks + 1) / 2);
        Assert.Equal(Loop, launch.Kernel);
        Assert.Equal(new LaunchShape(blocks, Threads), launch.Shape);
        Near(4 * (rounds + 1), launch.Cycles.Memory / warps); // a load in each round, and a store
        Assert.InRange(launch.Cycles.Float / warps, rounds * (1 - tolerance), (1.5 * rounds) + 20); // sums; products of integers besides
        Assert.InRange(launch.Cycles.Issue / warps, 2 * rounds, (8 * rounds) + 80);

        void Near(double expected, double actual) => Assert.InRange(actual, expected * (1 - tolerance) - 1e-9, expected * (1 + tolerance) + 1e-9);
    }

    [Fact]
    public void Launch_ThatIsNotWanted_IsNotCounted() => Assert.Empty(Sample(1, 1, static (_, cost) => cost.MovedBytes > 4 * Threads));

    private IReadOnlyList<SampledLaunch> Sample(int blocks, int rounds, Func<Kernel, KernelCost, bool> isWanted)
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        Assert.SkipWhen(Disassembler.Problem is not null, Disassembler.Problem ?? "");
        File.WriteAllText(Path.Combine(_folder, Source), """
            struct LoopArgs {
                float* X;
                int Blocks;
                int Rounds;
            };
            extern "C" __global__ void loop_f32(const LoopArgs a) {
                if (blockIdx.x >= (a.Blocks + 1) / 2)
                    return;
                float sum = 0;
                for (int i = 0; i < a.Rounds; i++)
                    sum += a.X[i];
                a.X[a.Rounds + (long long)blockIdx.x * blockDim.x + threadIdx.x] = sum;
            }
            """);
        using var stream = new SampledStream(KernelCompiler.WithLines(KernelSources.In(_folder)), isWanted);
        using var device = new SampledDevice(stream);
        nint memory = device.Allocate(sizeof(float) * (rounds + ((long)blocks * Threads)));
        NativeMemory.Clear((void*)memory, (nuint)(sizeof(float) * rounds));
        stream.Run(Loop, new LoopArgs { X = (float*)memory, Blocks = blocks, Rounds = rounds });
        device.Free(memory);
        return stream.Samples;
    }
}
