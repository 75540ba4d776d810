using System.Reflection;
using System.Runtime.InteropServices;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using Xunit;

namespace VideoSim.Kernels.Tests;

/// <summary>What every kernel owes, without a line of its own: right values, and bits that do not depend on the split.</summary>
public sealed class CatalogTests
{
    public static TheoryData<string> Entries => [.. Catalog.Kernels.Select(static kernel => kernel.Entry)];

    public static TheoryData<string> EntriesWithTwin => [.. Catalog.Kernels.Where(static kernel => kernel.HasTwin).Select(static kernel => kernel.Entry)];

    [Theory]
    [MemberData(nameof(EntriesWithTwin))]
    public void Twin_EveryCase_IsWithinTheBoundOfFloat64(string entry)
    {
        using var device = new CpuDevice(threads: 1);
        foreach (var check in CasesOf(entry))
        {
            foreach (var result in CheckRunner.Run(device, check))
            {
                Assert.True(result.Passed, $"{entry}, {check.Name}, {result.Buffer}: error {result.Error:E2}, bound {result.Bound:E2} " +
                    $"(plain formulas: {result.PlainError:E2})");
            }
        }
    }

    [Theory]
    [MemberData(nameof(EntriesWithTwin))]
    public void Twin_AnySplitOfTheItems_GivesTheSameBits(string entry)
    {
        using var one = new CpuDevice(threads: 1);
        using var three = new CpuDevice(threads: 3);
        using var backwards = new ItemwiseDevice();
        foreach (var check in CasesOf(entry))
        {
            var expected = CheckRunner.Execute(one, check);
            foreach (Device device in new Device[] { three, backwards })
            {
                foreach (var (buffer, values) in CheckRunner.Execute(device, check))
                {
                    int at = FirstDifference(expected[buffer], values);
                    if (at >= 0)
                        Assert.Fail($"{entry}, {check.Name}, {buffer}[{at}] on {device.Name}: {values[at]:R} instead of {expected[buffer][at]:R}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void Cost_EveryLaunch_IsMoreThanNothing(string entry)
    {
        foreach (var check in CasesOf(entry))
            check.Launch(new CostLauncher(check.Name));
    }

    [Fact]
    public void Kernels_OfTheAssembly_AreAllInTheCatalog()
    {
        var defined = typeof(Catalog).Assembly.GetTypes().Where(static type => !type.ContainsGenericParameters).SelectMany(static type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(static field => field.GetValue(null)).SelectMany(static value => value is Kernel kernel ? [kernel] : KernelsOf(value));
        Assert.Empty(defined.Except(Catalog.Kernels).Select(static kernel => kernel.Entry));
    }

    private static IEnumerable<Kernel> KernelsOf(object? pair) => pair?.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(KernelPair<>)
        ? Enum.GetValues<Precision>().Select(precision => (Kernel)type.GetProperty("Item")!.GetValue(pair, [precision])!) : [];

    [Fact]
    public void Families_OfTheCatalog_AreNamedAndHoldTheExpectedWords()
    {
        Assert.All(Catalog.Kernels, static kernel => Assert.Matches("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", kernel.Family));
        var families = Catalog.Kernels.Select(static kernel => kernel.Family).Distinct().ToArray();
        string[] words = ["attention", "vlad", "asymmetric", "layernorm", "batchnorm", "embedding", "crossentropy", "adam", "contrastive", "consistency"];
        Assert.All(words, word => Assert.Contains(families, family => family.Contains(word, StringComparison.Ordinal)));
    }

    private static IEnumerable<CheckCase> CasesOf(string entry) =>
        Catalog.All.Where(check => check.Kernel.Entry == entry).SelectMany(static check => check.Cases());

    private static int FirstDifference(float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                return i;
        }
        return -1;
    }

    private sealed class CostLauncher(string name) : ICheckLauncher
    {
        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged
        {
            var cost = kernel.CountCost(args);
            Assert.True(cost is { Flops: >= 0, Bytes: > 0 } || kernel.CountItems(args) == 0, $"{kernel}, {name}: {cost}");
        }
    }

    /// <summary>Runs items one at a time, the last first: a kernel whose items share anything gives other results.</summary>
    private sealed class ItemwiseDevice() : Device(new ItemwiseStream())
    {
        private readonly CpuDevice _memory = new(threads: 1);

        public override string Name => "one item at a time, backwards";

        public override nint Allocate(long bytes) => _memory.Allocate(bytes);

        public override void Free(nint address) => _memory.Free(address);

        public override void Upload(ReadOnlySpan<byte> source, nint destination) => _memory.Upload(source, destination);

        public override void Clear(nint address, long bytes) => _memory.Clear(address, bytes);

        public override void Download(nint source, Span<byte> destination) => _memory.Download(source, destination);

        protected override void Dispose(bool disposing)
        {
            _memory.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed unsafe class ItemwiseStream : ComputeStream
    {
        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            void* copy = NativeMemory.Alloc((nuint)bytes); // a kernel that changed its arguments would be found out
            try
            {
                for (int item = kernel.Items(args) - 1; item >= 0; item--)
                {
                    NativeMemory.Copy(args, copy, (nuint)bytes);
                    kernel.Invoke(copy, item, item + 1);
                }
            }
            finally
            {
                NativeMemory.Free(copy);
            }
        }

        public override void MatMul(in MatMulArgs args) => throw new NotSupportedException("checks launch kernels");
    }
}
