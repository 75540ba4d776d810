using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

public sealed class ParameterStoreTests
{
    [Fact]
    public void Allocate_GroupsDeclaredInTurns_MakesEachContiguous()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        for (int i = 0; i < 6; i++)
            store.Add(i % 2, $"p{i}", new Shape(i + 1, 5), Uniform);
        store.Allocate(device, training: true);
        Assert.Equal([0, 0, 0, 1, 1, 1], store.Parameters.Select(static p => p.Group));
        Assert.Equal(["p0", "p2", "p4", "p1", "p3", "p5"], store.Parameters.Select(static p => p.ToString()));
        Assert.Equal(2, store.GroupEnds.Count);
        Assert.All(store.Parameters, p => Assert.Equal(p.Group, p.Offset < store.GroupEnds[0] ? 0 : 1));
        Assert.All(store.Parameters, p => Assert.Equal(0, p.Value.Address % 64));
        Assert.Equal(store.FlatCount, store.GroupEnds[1]);
        Assert.Equal(5 * (1 + 2 + 3 + 4 + 5 + 6), store.Count);
    }

    [Fact]
    public void Initialize_OtherOrderAndNeighbours_GivesEachNameTheSameValues()
    {
        float[] alone = Values(["b"], seed: 9)["b"];
        var among = Values(["a", "b", "c"], seed: 9);
        Assert.Equal(alone, among["b"]);
        Assert.Equal(among, Values(["c", "b", "a"], seed: 9));
        Assert.NotEqual(among["a"], among["b"]);
        Assert.NotEqual(alone, Values(["b"], seed: 10)["b"]);
    }

    // Runs of 16,384 elements are drawn by different threads, blocks of 32 runs are uploaded one after the other.
    [Fact]
    public void Initialize_LongerThanABlock_GivesEachElementItsOwnNumber()
    {
        const int block = 32 * 16384, count = block + 65536 + 5;
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        store.Add(0, "a", new Shape(count), Uniform);
        store.Allocate(device, training: false);
        store.Initialize(seed: 9);
        float[] values = new float[count];
        device.Download(store.Weights.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        const uint site = unchecked((2166136261 ^ 'a') * 16777619);
        foreach (int i in new[] { 0, 1, 16383, 16384, block - 1, block, block + 1, block + 65536, count - 1 })
            Assert.Equal((float)Philox.Uniform(9, uint.MaxValue, site, i), values[i]);
    }

    [Fact]
    public void NameAt_EveryElement_IsItsPartOrAGap()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        store.Stack(0, new Shape(5), [("query", new Shape(3)), ("key", new Shape(2))], Uniform);
        store.Add(0, "bias", new Shape(1), Uniform);
        store.Allocate(device, training: false);
        Assert.Equal(["query", "query", "query", "key", "key", "an alignment gap"], Enumerable.Range(0, 6).Select(i => store.NameAt(i)));
        Assert.Equal("bias", store.NameAt(16));
    }

    [Fact]
    public void AddConstant_Allocated_HasItsValuesAndIsNoPartOfTheWeights()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        store.Add(0, "a", new Shape(3), Uniform);
        var constant = store.AddConstant(new Shape(2, 2), static () => [1, 2, 3, 4]);
        using var wrong = new ParameterStore();
        wrong.AddConstant(new Shape(3), static () => [1]);
        Assert.Throws<ArgumentException>(() => wrong.Allocate(device, training: false));
        store.Allocate(device, training: true);
        float[] values = new float[4];
        device.Download(constant.Value.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        Assert.Equal([1, 2, 3, 4], values);
        Assert.Equal(["a"], store.Parts().Select(static part => part.Name));
        Assert.Empty(store.StateParts());
    }

    [Fact]
    public void Allocate_AlignmentGapsAndGradients_AreZeroAndWeightsAreNot()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        store.Add(0, "a", new Shape(3), Uniform);
        store.Allocate(device, training: true);
        float[] values = new float[store.FlatCount];
        device.Download(store.Gradients.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        Assert.All(values, static value => Assert.Equal(0, value));
        device.Download(store.Weights.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        Assert.All(values.Take(3), static value => Assert.Equal(float.NaN, value)); // not written yet
        Assert.All(values.Skip(3), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void Add_NameTwice_Throws()
    {
        using var store = new ParameterStore();
        store.Add(0, "a", new Shape(3), Uniform);
        Assert.Throws<ArgumentException>(() => store.Add(1, "a", new Shape(3), Uniform));
    }

    [Fact]
    public void Add_MoreParametersThanPossible_NamesTheTensor()
    {
        using var store = new ParameterStore();
        store.Add(0, "a", new Shape(1 << 30), Uniform);
        string message = Assert.Throws<DataException>(() => store.Add(0, "b", new Shape(1 << 15, 1 << 15), Uniform)).Message;
        Assert.Equal("with b [32768, 32768] the model would have 2,147,483,648 parameters; at most 2,147,483,647 are possible", message);
    }

    [Fact]
    public void Stack_PartsOfAnotherSize_Throws()
    {
        using var store = new ParameterStore();
        Assert.Throws<ArgumentException>(() => store.Stack(0, new Shape(5), [("a", new Shape(3))], Uniform));
    }

    private static Dictionary<string, float[]> Values(string[] names, ulong seed)
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        foreach (string name in names)
            store.Add(0, name, new Shape(7), Uniform);
        store.Allocate(device, training: false);
        store.Initialize(seed);
        var result = new Dictionary<string, float[]>();
        foreach (var (name, value, _, _) in store.Parts().OrderBy(static part => part.Name, StringComparer.Ordinal))
        {
            float[] values = new float[value.Shape.Count];
            device.Download(value.Address, MemoryMarshal.AsBytes(values.AsSpan()));
            result.Add(name, values);
        }
        return result;
    }

    private static void Uniform(Span<float> values, Shape shape, Func<long, double> uniform)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)uniform(i);
    }
}
