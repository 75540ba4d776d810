using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Golden;

/// <summary>
/// One block computed by an independent PyTorch script (tests/Golden/README.md), beside a tape to run ours on. Variables
/// made here are compared with the file's gradients after <see cref="Backward"/>.
/// </summary>
internal sealed unsafe class GoldenBlock : IDisposable
{
    private const double Unit = 1.0 / (1 << 24); // relative error of one fp32 rounding

    private readonly SafetensorsReader _reader;
    private readonly CpuDevice _device = new(threads: 2);
    private readonly Arena _arena;
    private readonly List<(string[] Names, Tensor Tensor)> _variables = [];

    public GoldenBlock(string name)
    {
        _reader = SafetensorsReader.Open(Path.Combine(AppContext.BaseDirectory, "Golden", "blocks", $"{name}.safetensors"));
        _arena = new Arena(_device, 8 << 20);
        Tape = new Tape(_device.Stream, _arena) { Mode = new(Training: true) };
    }

    public Tape Tape { get; }

    /// <summary>How many roundings, all pointing the same way, a block may pile up relative to a tensor's largest entry.</summary>
    public double Roundings { get; init; } = 64;

    public int Size(string key) => int.Parse(_reader.Metadata[key], System.Globalization.CultureInfo.InvariantCulture);

    public double[] Doubles(string name) => Read<double>(name);

    public int[] Integers(string name) => Read<int>(name);

    /// <summary>A tensor that takes a gradient; several names are stacked.</summary>
    public Tensor Variable(Shape shape, params string[] names)
    {
        var tensor = Tape.Result(shape, differentiable: true);
        Fill(tensor, names);
        _variables.Add((names, tensor));
        return tensor;
    }

    /// <summary>A tensor that takes none.</summary>
    public Tensor Constant(Shape shape, string name)
    {
        var tensor = Tape.Scratch(shape);
        Fill(tensor, [name]);
        return tensor;
    }

    /// <summary>Runs the backward pass from the stored upstream gradient of <paramref name="y"/>.</summary>
    public void Backward(Tensor y, string upstream)
    {
        Fill(Tape.GradientToWrite(y, out _), [upstream]);
        Tape.RunBackward();
    }

    /// <summary>Compares a tensor with the file.</summary>
    public void AssertEqual(string name, Tensor actual) => AssertEqual(name, Values(actual), Doubles(name));

    /// <summary>Compares all variables' gradients with the file.</summary>
    /// <param name="byRow">Whether each row is held to its own largest entry.</param>
    public void AssertGradients(bool byRow = false)
    {
        foreach (var (names, tensor) in _variables)
        {
            double[] actual = Values(Tape.GradientOf(tensor));
            double[] expected = [.. names.SelectMany(name => Doubles($"grad.{name}"))];
            int part = byRow ? tensor.Shape.Width : expected.Length;
            for (int first = 0; first < expected.Length; first += part)
                AssertEqual($"grad.{string.Join('+', names)} from {first}", actual[first..(first + part)], expected[first..(first + part)]);
        }
    }

    public static double[] Values(Tensor tensor) => [.. new Span<float>(tensor.Floats, (int)tensor.Shape.Count).ToArray().Select(static value => (double)value)];

    public void Dispose()
    {
        Tape.Dispose();
        _arena.Dispose();
        _device.Dispose();
        _reader.Dispose();
    }

    private void AssertEqual(string what, double[] actual, double[] expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double bound = Roundings * Unit * expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]);
            Assert.True(error <= bound, $"{what}[{i}] is {actual[i]:R}, PyTorch has {expected[i]:R}: error {error:E2}, allowed {bound:E2}");
        }
    }

    private void Fill(Tensor tensor, string[] names)
    {
        float[] values = [.. names.SelectMany(Doubles).Select(static value => (float)value)];
        Assert.Equal(tensor.Shape.Count, values.Length);
        values.CopyTo(new Span<float>(tensor.Floats, values.Length));
    }

    private T[] Read<T>(string name) where T : unmanaged
    {
        var entry = _reader.TryFind(name);
        Assert.True(entry is not null, $"no tensor {name}");
        var values = new T[entry.ElementCount];
        _reader.ReadBytes(entry, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
