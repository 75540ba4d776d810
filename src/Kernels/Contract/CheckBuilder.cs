using System.Runtime.InteropServices;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Contract;

/// <summary>
/// Collects the buffers of a <see cref="CheckCase"/>. Values are a function of the seed, so a failure can be repeated.
/// Methods whose names begin with Value make tensors in the precision of the check. The others make fp32 or integer
/// buffers.
/// </summary>
/// <param name="seed">Seed of the values.</param>
/// <param name="precision">Precision of tensors.</param>
public sealed class CheckBuilder(ulong seed, ElementType precision = ElementType.Float32)
{
    private readonly List<CheckBuffer> _buffers = [];

    /// <summary>A read-only tensor of uniform values in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public CheckBuffer ValueInput(string name, long count, float low = -1, float high = 1) =>
        AddValues(name, BufferRole.Input, Uniform(count, low, high));

    /// <summary>A read-only tensor of given values.</summary>
    public CheckBuffer ValueInput(string name, float[] values) => AddValues(name, BufferRole.Input, values);

    /// <summary>A tensor that the kernel reads and writes.</summary>
    public CheckBuffer ValueInOut(string name, long count, float low = -1, float high = 1) =>
        AddValues(name, BufferRole.InOut, Uniform(count, low, high));

    /// <summary>A tensor that the kernel must fill; begins as NaN.</summary>
    public CheckBuffer ValueOutput(string name, long count) => AddValues(name, BufferRole.Output, Filled(count));

    /// <summary>A tensor between launches; begins as NaN.</summary>
    public CheckBuffer ValueWorkspace(string name, long count) => AddValues(name, BufferRole.Workspace, Filled(count));

    /// <summary>
    /// A tensor's gradient, which the kernel overwrites, or adds to where <paramref name="add"/> is 1.
    /// </summary>
    public CheckBuffer ValueGradient(string name, long count, int add) => add != 0 ? ValueInOut(name, count) : ValueOutput(name, count);

    /// <summary>A read-only buffer of uniform values in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public CheckBuffer Input(string name, long count, float low = -1, float high = 1) =>
        Add(name, BufferRole.Input, Uniform(count, low, high));

    /// <summary>A read-only buffer of given values.</summary>
    public CheckBuffer Input(string name, float[] values) => Add(name, BufferRole.Input, values);

    /// <summary>A read-only buffer of given integers.</summary>
    public CheckBuffer Integers(string name, int[] values) => Add(name, BufferRole.Input, values, ElementType.Int32);

    /// <summary>A buffer that the kernel reads and writes.</summary>
    public CheckBuffer InOut(string name, long count, float low = -1, float high = 1) =>
        Add(name, BufferRole.InOut, Uniform(count, low, high));

    /// <summary>A buffer that the kernel must fill; begins as NaN.</summary>
    public CheckBuffer Output(string name, long count) => Add(name, BufferRole.Output, Filled(count));

    /// <summary>A buffer of integers that the kernel must fill. It begins as -1 and is compared exactly.</summary>
    public CheckBuffer IntegerOutput(string name, int count) =>
        Add(name, BufferRole.Output, Enumerable.Repeat(-1, count).ToArray(), ElementType.Int32);

    /// <summary>Scratch between launches; begins as NaN.</summary>
    public CheckBuffer Workspace(string name, long count) => Add(name, BufferRole.Workspace, Filled(count));

    /// <summary>A gradient that the kernel overwrites, or adds to where <paramref name="add"/> is 1.</summary>
    public CheckBuffer Gradient(string name, long count, int add) => add != 0 ? InOut(name, count) : Output(name, count);

    /// <summary>Random numbers for a kernel that drops values, in a whole batch or in a part of one.</summary>
    public CheckDropout Dropout(float dropProbability, BatchPart part = default) => new(this, dropProbability, part);

    /// <summary>The finished case.</summary>
    public CheckCase Build(string name, Action<ICheckLauncher> launch, ICheckReference reference, double factor) =>
        new(name, _buffers, launch, reference, factor);

    private float[] Uniform(long count, float low, float high)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = low + (high - low) * (float)Philox.Uniform(seed, 0, (uint)_buffers.Count, i);
        return values;
    }

    private static float[] Filled(long count)
    {
        float[] values = new float[count];
        Array.Fill(values, float.NaN);
        return values;
    }

    private CheckBuffer AddValues(string name, BufferRole role, float[] values) => precision == ElementType.Float32
        ? Add(name, role, values)
        : Add(name, role, Array.ConvertAll(values, static value => new BFloat16(value)), ElementType.BFloat16);

    private CheckBuffer Add<T>(string name, BufferRole role, T[] values, ElementType element = ElementType.Float32) where T : unmanaged
    {
        var buffer = new CheckBuffer(name, role, MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), element);
        _buffers.Add(buffer);
        return buffer;
    }
}
