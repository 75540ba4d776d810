using System.Reflection;
using System.Runtime.InteropServices;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.Tests.Contract;
using Xunit;

namespace VideoSim.Kernels.Tests;

/// <summary>Tests of every kernel of the catalog: right values, and bits that do not depend on the split.</summary>
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
            foreach (var device in new Device[] { three, backwards })
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

    // A launch shape that ignored a macro would have a second place for its value.
    [Fact]
    public unsafe void Tunables_AnotherValue_ChangesALaunchShapeOfTheSource()
    {
        var tuned = Catalog.Kernels.SelectMany(static kernel => kernel.Tunables.Select(macro => (kernel, macro))).ToList();
        Assert.NotEmpty(tuned);
        Assert.All(tuned, static pair =>
        {
            var (kernel, macro) = pair;
            byte[] args = new byte[kernel.Layout.Size];
            foreach (string name in kernel.Layout.Integers)
                args[kernel.Layout.IntegerAt(name)!.Value.Offset] = 100;
            fixed (byte* pointer = args)
            {
                var limits = new DeviceLimits(132, 227 << 10);
                var (usual, other) = (kernel.Shape(pointer, limits, Variant.Default), kernel.Shape(pointer, limits, new Variant([new(macro.Name, 2 * macro.Default)])));
                Assert.True(usual != other, $"{kernel}: {macro.Name} does not change the launch shape");
                Assert.Equal(usual, kernel.Shape(pointer, limits, new Variant([new(macro.Name, macro.Default)])));
            }
        });
    }

    // Kernels whose cost is below the operations of the formulas: the least and the largest share, and the reason.
    // Such a kernel computes a value once that the formulas compute several times.
    private static readonly (string Kernels, double Least, double Most, string Why)[] Shortcuts =
    [
        ("asymmetric_tag_loss_forward", 0.3, 0.7, "the formulas raise to powers whatever the exponents"),
        ("asymmetric_tag_loss_consistency_forward", 0.3, 0.7, "the formulas raise to powers whatever the exponents"),
        ("asymmetric_tag_loss", 0.22, 0.46, "the formulas make each probability anew in the loss, its slope and its focus"),
        ("layer_norm_backward", 0.35, 0.55, "the formulas normalise anew, with mean and variance"),
        ("pair_loss_backward", 0.2, 0.4, "the formulas make a slope for each element rather than for each pair, and the cosines twice"),
        ("l2_norm_backward", 0.45, 0.7, "the formulas make the norm anew"),
        ("concat_dropout_backward", 0.4, 1.1, "the formulas differentiate both sides, also where one is not wanted"),
        ("gather_rows_backward", 0.1, 1.4, "the formulas add zeros to all positions"), ("select_position_backward", 0, 1.1, "the formulas add to zeros"),
        ("max_position", 0.35, 1.2, "the formulas compare all positions, and add zeros"), ("mean_pool", 0, 0.55, "the formulas divide at every position"),
        ("frame_unpack", 0.45, 0.55, "the formulas divide every frame"),
    ];

    [Theory]
    [MemberData(nameof(Entries))]
    public void Cost_EveryCase_HasTheOperationsOfThePlainFormulas(string entry)
    {
        const double Uncounted = 100; // of rows and columns, in small cases
        var (_, least, most, _) = Shortcuts.FirstOrDefault(shortcut => entry.StartsWith(shortcut.Kernels, StringComparison.Ordinal), (Kernels: "", Least: 0.55, Most: 1.4, Why: ""));
        using var device = new CpuDevice(threads: 1);
        var counts = new List<long>();
        foreach (var check in CasesOf(entry))
        {
            var costs = new CostLauncher();
            CheckRunner.Execute(device, check, costs);
            long before = CountedNumber.Operations;
            CheckRunner.Expected<CountedNumber>(check);
            counts.Add(CountedNumber.Operations - before);
            Assert.True(costs.Flops >= least * counts[^1] - Uncounted && costs.Flops <= most * counts[^1] + Uncounted,
                $"{entry}, {check.Name}: the cost says {costs.Flops} operations, the plain formulas do {counts[^1]}");
        }
        Assert.True(counts.Max() is 0 or > 4 * (long)Uncounted, $"{entry}: no case is large enough to show a wrong cost");
    }

    [Fact]
    public void Kernels_OfTheAssembly_AreAllInTheCatalog()
    {
        var defined = typeof(Catalog).Assembly.GetTypes().Where(static type => !type.ContainsGenericParameters).SelectMany(static type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(static field => field.GetValue(null)).SelectMany(static value => value is Kernel kernel ? [kernel] : KernelsOf(value));
        Assert.Empty(defined.Except(Catalog.Kernels).Select(static kernel => kernel.Entry));
    }

    private static IEnumerable<Kernel> KernelsOf(object? pair) => pair?.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(KernelPair<>)
        ? ElementTypes.Precisions.Select(precision => (Kernel)type.GetProperty("Item")!.GetValue(pair, [precision])!) : [];

    [Theory]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.Int32)]
    public void Pair_OfATypeThatIsNoPrecision_Throws(ElementType type) =>
        Assert.StartsWith($"{type} is not", Assert.Throws<ArgumentException>(() => DropoutKernels.Apply[type]).Message, StringComparison.Ordinal);

    // The emulator of `kernels check` is built with the families of the kernels that it checks.
    [Fact]
    public void Checks_OfAKernel_LaunchKernelsOfItsFamily() => Assert.All(Catalog.All, static check =>
    {
        var launched = new LaunchedKernels();
        check.Cases().First().Launch(launched);
        Assert.All(launched.Kernels, kernel => Assert.Equal(check.Kernel.Family, kernel.Family));
    });

    private sealed class LaunchedKernels : ICheckLauncher
    {
        public List<Kernel> Kernels { get; } = [];

        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged => Kernels.Add(kernel);
    }

    // Commands take them as names, and the archive of a run on a GPU has a file for each.
    [Fact]
    public void Families_OfTheCatalog_AreLowerCaseWords() =>
        Assert.All(Catalog.Kernels, static kernel => Assert.Matches("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", kernel.Family));

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

    // Notes what launches cost, and runs none.
    private sealed class CostLauncher : ICheckLauncher
    {
        public double Flops { get; private set; }

        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged => Flops += kernel.CountCost(args).Flops;
    }

    /// <summary>
    /// Runs items one at a time, the last first. A kernel whose items share data gives other results.
    /// </summary>
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
    }
}
