using System.Runtime.InteropServices;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tests.Serialization;
using VideoSim.Kernels.MatMul;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// A device with a tuning table, over the emulator's cuBLASLt: its second algorithm has other bits than its first.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class TuningTests : IDisposable
{
    private const int Size = 32;

    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        if (CudaMachine.IsEmulator && EmulatorBuild.Problem is null)
            CudaMachine.RefuseProducts();
    }

    [Fact]
    public void Launch_TableWithTheSecondAlgorithm_HasItsBits()
    {
        CudaMachine.SkipUnlessEmulator();
        float[] first = Multiply(null), second = Multiply(Table(1));
        Assert.NotEqual(first, second);
        Assert.Equal(second, Multiply(Table(1)));
        Assert.Equal(first, Multiply(Table(0)));
        Assert.Equal(first, Multiply(null));
    }

    // The other kind of product has another leading dimension.
    [Fact]
    public void Launch_ProductThatTheTableLacks_HasTheBitsWithoutATable()
    {
        CudaMachine.SkipUnlessEmulator();
        Assert.Equal(Multiply(null, Size + 1), Multiply(Table(1), Size + 1));
    }

    [Fact]
    public void Launch_AlgorithmThatIsNotOffered_NamesFileDeviceAndProduct()
    {
        CudaMachine.SkipUnlessEmulator();
        var table = Table(0, new string('0', 128));
        string message = Assert.Throws<DataException>(() => Multiply(table)).Message;
        Assert.StartsWith($"{table.Path}: cuBLASLt does not offer the algorithm of the table on cuda:0 emulator for ProductKind {{ M = {Size}, N = {Size}, K = {Size},", message, StringComparison.Ordinal);
    }

    // The table is of a library that adds the bias. One that does not would compute it in another way.
    [Fact]
    public void Launch_BiasThatTheLibraryNoLongerAdds_NamesTheFile()
    {
        CudaMachine.SkipUnlessEmulator();
        TuningTable table;
        using (var device = CudaMachine.Open())
        {
            using var memory = new Operands(device);
            var biased = memory.Args(Size) with { Bias = (void*)memory.Address };
            table = Write(device, biased, 0);
        }
        CudaMachine.RefuseProducts(withBias: true);
        using var other = CudaMachine.Open(table);
        using var operands = new Operands(other);
        Assert.StartsWith(table.Path, Assert.Throws<DataException>(() => other.Stream.Run(MatMulKernels.Multiply, operands.Args(Size) with { Bias = (void*)operands.Address })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_TableOfAnotherGpuOrVersion_IsRefused()
    {
        CudaMachine.SkipUnlessEmulator();
        var table = Table(0);
        string text = File.ReadAllText(table.Path);
        foreach (var (own, other, said) in new[] { ("\"emulator\"", "\"NVIDIA H100\"", "is a table of NVIDIA H100 with cuBLASLt 12.4.0, and this is emulator with cuBLASLt 12.4.0;"), ("12.4.0", "12.3.9", "is a table of emulator with cuBLASLt 12.3.9, and this is emulator with cuBLASLt 12.4.0;") })
        {
            Assert.Contains(own, text, StringComparison.Ordinal);
            File.WriteAllText(table.Path, text.Replace(own, other, StringComparison.Ordinal));
            string message = Assert.Throws<DataException>(() => CudaMachine.Open(TuningTable.Read(table.Path)).Dispose()).Message;
            Assert.StartsWith($"{table.Path}: {said}", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Libraries_WithATable_BeginItsHash()
    {
        CudaMachine.SkipUnlessEmulator();
        var table = Table(0);
        using var device = CudaMachine.Open(table);
        Assert.EndsWith($", tuning {table.Sha256[..8]}", device.Libraries, StringComparison.Ordinal);
        Assert.Same(table, device.Tuning);
        using var without = CudaMachine.Open();
        Assert.DoesNotContain("tuning", without.Libraries, StringComparison.Ordinal);
        Assert.Null(without.Tuning);
    }

    // The stand-in does not write the bytes of an algorithm that have no meaning, as the library may do.
    [Fact]
    public void Candidates_OnTwoDevices_HaveEqualBytes()
    {
        CudaMachine.SkipUnlessEmulator();
        string[][] candidates = [.. Enumerable.Range(0, 3).Select(_ => Candidates())];
        Assert.Equal(2, candidates[0].Length);
        Assert.All(candidates, one => Assert.Equal(candidates[0], one));
        Assert.All(candidates[0], static text => Assert.Matches("^[0-9a-f]{128}$", text));
        // The first one sums all of k at once, so the bits without a table stay.
        Assert.Equal([Size, Size / 2], candidates[0].Select(static text => (int)Convert.FromHexString(text)[24]));
    }

    [Fact]
    public void Tuner_Step_TimesEachKindOnceAndLeavesItsResults()
    {
        CudaMachine.SkipUnlessEmulator();
        using var device = CudaMachine.Open();
        using var memory = new Operands(device);
        MatMulArgs product = memory.Args(Size), adds = product with { Add = 1 }, turned = product with { TransposeA = 1 }, none = product with { M = 0 };
        var launches = new[] { turned, adds, adds, none }; // the first of a kind is timed, and adds to what was there
        void Replay(ComputeStream stream) => Array.ForEach(launches, args => stream.Run(MatMulKernels.Multiply, args));
        Replay(device.Stream);
        float[] expected = memory.Read();

        var kinds = ProductTuner.KindsOf(device, Replay);
        Assert.Equal([ProductKind.Of(turned), ProductKind.Of(product)], kinds);
        var done = new List<int>();
        using (var tuner = new ProductTuner(device, [], RunTwice, done.Add))
        {
            Replay(tuner);
            Assert.Equal(kinds, tuner.Products.Select(static row => row.Product));
            Assert.Equal([1, 2], done);
            // The second algorithm took half the time.
            Assert.All(tuner.Products, row => Assert.Equal((Candidates()[1], 5, 10, 2), (row.Algorithm, row.Microseconds, row.FirstMicroseconds, row.Candidates)));
        }
        Assert.Equal(expected, memory.Read());
        using var again = new ProductTuner(device, kinds.Take(1), RunTwice, static _ => { });
        Replay(again);
        Assert.Equal(kinds.Skip(1), again.Products.Select(static row => row.Product));
    }

    [Fact]
    public void Tuner_BiasThatTheLibraryDoesNotAdd_TimesTheProductWithout()
    {
        CudaMachine.SkipUnlessEmulator();
        CudaMachine.RefuseProducts(withBias: true);
        using var device = CudaMachine.Open();
        using var memory = new Operands(device);
        var biased = memory.Args(Size) with { Bias = (void*)memory.Address };
        void Replay(ComputeStream stream) => stream.Run(MatMulKernels.Multiply, biased);
        Assert.Equal([ProductKind.Of(memory.Args(Size))], ProductTuner.KindsOf(device, Replay));
        using var tuner = new ProductTuner(device, [], RunTwice, static _ => { });
        Replay(tuner);
        Assert.Equal([ProductKind.Of(memory.Args(Size))], tuner.Products.Select(static row => row.Product));
    }

    // Another algorithm has other bits, so a gain that may be noise does not change it.
    [Theory]
    [InlineData(0, new[] { 100.0, 100, 100, 100 }, new[] { 99.2, 99.2, 99.2, 99.2 })]
    [InlineData(1, new[] { 100.0, 100, 100, 100 }, new[] { 98.9, 98.9, 98.9, 98.9 })]
    [InlineData(0, new[] { 100.0, 100, 100, 100, 100 }, new[] { 90, 90, 98, 101.0, 101 })]
    [InlineData(0, new[] { 90.0, 90, 90, 90 }, new[] { 100.0, 100, 100, 100 })]
    public void Choose_OtherAlgorithm_NeedsAGainBeyondNoise(int chosen, double[] first, double[] second) => Assert.Equal(chosen, ProductTuner.Choose([first, second]));

    [Fact]
    public void Choose_SeveralThatAreFaster_IsTheFastest() => Assert.Equal(2, ProductTuner.Choose([[10, 10], [8, 8], [5, 5], [6, 6]]));

    private static IReadOnlyList<IReadOnlyList<double>> RunTwice(IReadOnlyList<Action> calls)
    {
        foreach (var call in calls.Concat(calls))
            call();
        return [.. calls.Select(static (_, i) => new[] { 10.0 / (i + 1), 10.0 / (i + 1) })];
    }

    private static string[] Candidates()
    {
        using var device = CudaMachine.Open();
        using var memory = new Operands(device);
        var products = ((CudaStream)device.Stream).Products;
        return [.. products.CandidatesOf(products.Given(memory.Args(Size))).Select(static candidate => candidate.ToString())];
    }

    // A table of the product that Multiply launches.
    private TuningTable Table(int candidate, string? algorithm = null)
    {
        using var device = CudaMachine.Open();
        using var memory = new Operands(device);
        return Write(device, memory.Args(Size), candidate, algorithm);
    }

    private TuningTable Write(CudaDevice device, in MatMulArgs product, int candidate, string? algorithm = null)
    {
        var candidates = ((CudaStream)device.Stream).Products.CandidatesOf(product);
        string path = Path.Combine(_folder.Path, "t.json");
        TuningTable.Write(path, device, new DateOnly(2026, 11, 30), [new TunedProduct(ProductKind.Of(product), algorithm ?? candidates[candidate].ToString(), 1, 2, 2)]);
        return TuningTable.Read(path);
    }

    private static float[] Multiply(TuningTable? tuning, int ldC = Size)
    {
        using var device = tuning is null ? CudaMachine.Open() : CudaMachine.Open(tuning);
        using var memory = new Operands(device);
        device.Stream.Run(MatMulKernels.Multiply, memory.Args(ldC));
        return memory.Read();
    }

    /// <summary>Two matrices of values that need rounding, and room for their product.</summary>
    private sealed class Operands : IDisposable
    {
        private const int Elements = Size * Size, Room = Size * (Size + 1);

        private readonly CudaDevice _device;

        public Operands(CudaDevice device)
        {
            _device = device;
            Address = device.Allocate((2 * Elements + Room) * sizeof(float));
            float[] values = [.. Enumerable.Range(0, 2 * Elements + Room).Select(static i => i < 2 * Elements ? MathF.Sin(i) : 0)];
            device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), Address);
        }

        public nint Address { get; }

        public MatMulArgs Args(int ldC) => new()
        {
            A = (void*)Address, B = (float*)Address + Elements, C = (float*)Address + 2 * Elements, M = Size, N = Size, K = Size, LdA = Size, LdB = Size, LdC = ldC, Batch = 1,
        };

        public float[] Read()
        {
            float[] values = new float[Room];
            _device.Download(Address + 2 * Elements * sizeof(float), MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        public void Dispose() => _device.Free(Address);
    }
}
