using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Models.Tests;

/// <summary>A committed output of an independent implementation; see tests/Golden/README.md.</summary>
internal sealed class GoldenFile(string name) : IDisposable
{
    private readonly SafetensorsReader _reader = SafetensorsReader.Open(Path.Combine(AppContext.BaseDirectory, "Golden", name));

    public int Size(string key) => int.Parse(_reader.Metadata[key], System.Globalization.CultureInfo.InvariantCulture);

    public bool Has(string tensor) => _reader.TryFind(tensor) is not null;

    public double[] Doubles(string tensor) => Read<double>(tensor);

    public int[] Ints(string tensor) => Read<int>(tensor);

    /// <summary>Loads every weight and running statistic that the model has.</summary>
    public void LoadInto(Device device, ParameterStore parameters)
    {
        foreach (var (part, value) in parameters.Parts().Select(part => (part.Name, part.Value)).Concat(parameters.StateParts()))
        {
            float[] values = Array.ConvertAll(Doubles(part), element => (float)element);
            Assert.Equal(value.Shape.Count, values.Length);
            device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), value.Address);
        }
    }

    /// <summary>
    /// Compares a tensor with its reference in float64. fp32 rounding may grow along the longest path: some 60 operations
    /// whose reductions have up to 100 terms, so 60 * sqrt(100) * 2^-24 of the tensor's largest entry.
    /// </summary>
    public void AssertEqual(string reference, Device device, Tensor tensor)
    {
        var actual = new float[tensor.Shape.Count];
        device.Download(tensor.Address, MemoryMarshal.AsBytes(actual.AsSpan()));
        AssertEqual(reference, actual, Doubles(reference));
    }

    public static void AssertEqual(string what, float[] actual, double[] expected, double floor = 0)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = Math.Max(floor, expected.Max(Math.Abs)), bound = 60 * Math.Sqrt(100) * Math.Pow(2, -24) * largest;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]);
            Assert.True(error <= bound, $"{what}[{i}] is {actual[i]}, expected {expected[i]}: off by {error:G3}, bound {bound:G3}");
        }
    }

    public void Dispose() => _reader.Dispose();

    private T[] Read<T>(string tensor) where T : unmanaged
    {
        var entry = _reader.TryFind(tensor);
        Assert.True(entry is not null, $"{name} has no tensor {tensor}");
        var values = new T[entry.ElementCount];
        _reader.ReadBytes(entry, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
