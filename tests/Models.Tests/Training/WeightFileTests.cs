using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Checkpoints;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Tensors that are larger than the buffer which they are read through.</summary>
public sealed class WeightFileTests : IDisposable
{
    private const int Count = (1 << 18) + 1000;

    private readonly CpuDevice _device = new(threads: 1);
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose()
    {
        _device.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void Read_LargeTensor_GivesItsValuesInOrder()
    {
        using ParameterStore written = Store(), read = Store();
        using Adam first = new(_device, written), second = new(_device, read);
        float[] weights = Values(1), moments = Values(2);
        written.Upload(weights, written.Weights.Slice(0, new Shape(Count)));
        _device.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(moments), first.SecondMoment.Address);
        WeightFile.ReadWeights(Write(stream => WeightFile.WriteWeights(stream, _device, written)), read);
        WeightFile.ReadMoments(Write(stream => WeightFile.WriteMoments(stream, _device, written, first)), _device, read, second);
        Assert.Equal(weights, _device.Read<float>(read.Weights)[..Count]);
        Assert.Equal(moments, _device.Read<float>(second.SecondMoment)[..Count]);
    }

    [Fact]
    public void ReadWeights_LastValueNotFinite_IsRefused()
    {
        using ParameterStore written = Store(), read = Store();
        float[] weights = Values(1);
        weights[^1] = float.NaN;
        written.Upload(weights, written.Weights.Slice(0, new Shape(Count)));
        string path = Write(stream => WeightFile.WriteWeights(stream, _device, written));
        Assert.Equal($"{path}: tensor 'large' has a value that is not finite", Assert.Throws<DataException>(() => WeightFile.ReadWeights(path, read)).Message);
    }

    private ParameterStore Store()
    {
        var store = new ParameterStore();
        store.Add(0, "large", new Shape(Count), static (values, _, _) => values.Clear());
        store.Allocate(_device, training: true);
        return store;
    }

    private string Write(Action<Stream> write)
    {
        string path = Path.Combine(_root, Path.GetRandomFileName());
        using var stream = File.Create(path);
        write(stream);
        return path;
    }

    private static float[] Values(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Count).Select(_ => random.NextSingle())];
    }
}
