using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;

namespace VideoSim.Engine.Optimizers;

/// <summary>
/// Measures the norm of the whole gradient of a store on the device. The sum of squares of each parameter is computed
/// in chunks; the parameters are added in the order of the flat block.
/// </summary>
internal sealed unsafe class GradientNorm : IDisposable
{
    private readonly Device _device;
    private readonly ParameterStore _parameters;
    private readonly float _limit;
    private readonly Arena _arena;
    private readonly int _chunks, _tensors;
    private readonly Tensor _chunkStarts, _firstChunks, _chunkSums, _parameterSums, _norm; // the sums are float64

    /// <summary>Takes memory for tables and sums.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="limit">The largest norm of the limited gradient; 0 for no limit.</param>
    public GradientNorm(Device device, ParameterStore parameters, float limit)
    {
        (_device, _parameters, _limit) = (device, parameters, limit);
        List<int> starts = [], firsts = [];
        long[] offsets = [.. parameters.Parameters.Select(static parameter => parameter.Offset).Order(), parameters.FlatCount];
        for (int i = 0; i + 1 < offsets.Length; i++)
        {
            firsts.Add(starts.Count);
            for (long start = offsets[i]; start < offsets[i + 1]; start += GradientNormKernels.ChunkElements)
                starts.Add((int)start);
        }
        firsts.Add(starts.Count);
        starts.Add((int)parameters.FlatCount);
        (_chunks, _tensors) = (starts.Count - 1, firsts.Count - 1);
        Shape chunkSums = new(_chunks, sizeof(double) / sizeof(int)), parameterSums = new(_tensors, sizeof(double) / sizeof(int));
        _arena = new Arena(device, (starts.Count + firsts.Count + chunkSums.Count + parameterSums.Count + 2) * sizeof(float) + 5 * Arena.Alignment, "the norm of the gradient");
        _chunkStarts = _arena.Allocate(new Shape(starts.Count), ElementType.Int32);
        _firstChunks = _arena.Allocate(new Shape(firsts.Count), ElementType.Int32);
        (_chunkSums, _parameterSums) = (_arena.Allocate(chunkSums, ElementType.Int32), _arena.Allocate(parameterSums, ElementType.Int32));
        _norm = _arena.Allocate(new Shape(2));
        device.Upload(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(starts)), _chunkStarts.Address);
        device.Upload(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(firsts)), _firstChunks.Address);
    }

    /// <summary>Memory of tables and sums.</summary>
    public long Bytes => _arena.Capacity;

    /// <summary>[1]: the factor that limits the gradient, after a measurement; no tensor without a limit.</summary>
    public Tensor Factor => _limit > 0 ? _norm.Slice(1, new Shape(1)) : default;

    /// <summary>Measures the gradient, which is complete.</summary>
    /// <param name="stream">The device's stream, or one that records or counts for it.</param>
    public void Measure(ComputeStream stream)
    {
        stream.Touches("gradient -> norm, factor", Touch.Read(_parameters.Gradients), Touch.Write(_norm));
        var args = new GradientNormArgs
        {
            Gradients = _parameters.Gradients.Floats, ChunkStarts = _chunkStarts.Ints, FirstChunks = _firstChunks.Ints, ChunkSums = (double*)_chunkSums.Address,
            ParameterSums = (double*)_parameterSums.Address, Norm = _norm.Floats, Count = (int)_parameters.FlatCount, Chunks = _chunks, Parameters = _tensors, Limit = _limit,
        };
        stream.Run(GradientNormKernels.SumChunks, args);
        stream.Run(GradientNormKernels.SumParameters, args);
        stream.Run(GradientNormKernels.Finish, args);
    }

    /// <summary>The norm that was measured last. Waits for the device.</summary>
    public float Read()
    {
        float norm = 0;
        _device.Download(_norm.Address, MemoryMarshal.AsBytes(new Span<float>(ref norm)));
        return norm;
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();
}
