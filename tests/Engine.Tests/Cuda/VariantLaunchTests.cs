using System.Text;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Softmax;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Launches with chosen values of macros, on the emulator.</summary>
[Collection(CudaMachine.Collection)]
public sealed class VariantLaunchTests : IDisposable
{
    private const string Table = """[{"kernel":"softmax_forward_f32","device":"emulator","shape":{"Rows":[2,10]},"defines":{"WARPS":4},"reason":"a test","measured":"never"}]""";

    private static readonly Kernel Softmax = SoftmaxKernels.Forward[ElementType.Float32];

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    // 19 rows have the default of 8 warps, 5 rows the variant of the table.
    [Fact]
    public void Launch_TableForSomeRows_TakesItsVariantThere()
    {
        var table = VariantTable.Parse("t.json", Encoding.UTF8.GetBytes(Table), KernelSources.Embedded);
        Add(new Variant([new("WARPS", 4)]));
        using var device = CudaMachine.Open(table);
        CudaMachine.Configure(schedule: 0, check: true);
        var threads = new Dictionary<string, long>();
        foreach (var check in Cases().Where(static check => check.Name.StartsWith("5 x", StringComparison.Ordinal) || check.Name.StartsWith("19 x", StringComparison.Ordinal)))
        {
            Assert.All(CheckRunner.Run(device, check), static result => Assert.True(result.Passed));
            threads[check.Name.Split(' ')[0]] = CudaMachine.TakeUse()!.Value.BlockThreads;
        }
        Assert.Equal((32 * 4, 32 * 8), (threads["5"], threads["19"]));
        Assert.EndsWith($", variants {table.Hash}", device.Libraries, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    public void StreamOf_OtherVariant_PassesTheGates(int warps)
    {
        var variant = new Variant([new("WARPS", warps)]);
        Add(variant);
        using var device = CudaMachine.Open();
        var stream = device.StreamOf(CudaEmulator.Images, Catalog.Kernels, variant);
        Assert.Equal($"softmax_forward_f32__WARPS_{warps}", stream.SymbolOf(Softmax));
        Assert.Empty(Catalog.All.Where(static check => check.Kernel == Softmax).SelectMany(check => KernelGates.Order(device, CudaMachine.EmulatorOrNull, check, orders: 2, stream)));
        Assert.Empty(KernelGates.Accuracy(device, Cases(), stream));
    }

    [Fact]
    public void StreamOf_VariantThatTheEmulatorLacks_NamesIt()
    {
        CudaMachine.SkipUnlessEmulator();
        using var device = CudaMachine.Open();
        var stream = device.StreamOf(CudaEmulator.Images, Catalog.Kernels, new Variant([new("WARPS", 5)]));
        Assert.Contains("the emulator was built without softmax_forward_f32__WARPS_5", Assert.Throws<CudaException>(() => CheckRunner.Execute(device, Cases().First(), stream)).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<CheckCase> Cases() => Catalog.All.Where(static check => check.Kernel == Softmax).SelectMany(static check => check.Cases());

    private static void Add(Variant variant)
    {
        CudaMachine.SkipUnlessEmulator();
        CudaEmulator.Add(UserCache.Emulator, CudaMachine.Sources, [KernelUnit.Group(Catalog.Kernels).Single(static unit => unit.Kernels.Contains(Softmax)).With(variant)]);
    }
}
