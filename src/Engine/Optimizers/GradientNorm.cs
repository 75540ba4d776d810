using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;

namespace VideoSim.Engine.Optimizers;

/// <summary>
/// The norm of the whole gradient of a store, on the device. The squares of each chunk are summed by the update, or
/// before it if the norm is limited. Then the chunks of each parameter are added, and the parameters in the order of
/// the flat block.
/// </summary>
internal sealed unsafe class GradientNorm : IDisposable
{
    private readonly Device _device;
    private readonly ParameterStore _parameters;
    private readonly float _limit;
    private readonly Arena _arena;
    private readonly int _tensors;
    private readonly Tensor _firstChunks, _parameterSums, _norm;

    /// <summary>Takes memory for tables and sums.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="chunks">Their chunks.</param>
    /// <param name="limit">The largest norm of the limited gradient; 0 for no limit.</param>
    public GradientNorm(Device device, ParameterStore parameters, ParameterChunks chunks, float limit)
    {
        (_device, _parameters, _limit, _tensors) = (device, parameters, limit, chunks.Firsts.Length - 1);
        Shape chunkSums = new(chunks.Count, sizeof(double) / sizeof(int)), parameterSums = new(_tensors, sizeof(double) / sizeof(int));
        _arena = new Arena(device, (chunks.Starts.Length + chunks.Firsts.Length + chunkSums.Count + parameterSums.Count + 2) * sizeof(float) + 5 * Arena.Alignment, "the norm of the gradient");
        ChunkStarts = _arena.Allocate(new Shape(chunks.Starts.Length), ElementType.Int32);
        _firstChunks = _arena.Allocate(new Shape(chunks.Firsts.Length), ElementType.Int32);
        (ChunkSums, _parameterSums) = (_arena.Allocate(chunkSums, ElementType.Int32), _arena.Allocate(parameterSums, ElementType.Int32));
        _norm = _arena.Allocate(new Shape(2));
        device.Upload(MemoryMarshal.AsBytes(chunks.Starts.AsSpan()), ChunkStarts.Address);
        device.Upload(MemoryMarshal.AsBytes(chunks.Firsts.AsSpan()), _firstChunks.Address);
        device.Clear(ChunkSums.Address, chunks.Count * sizeof(double)); // the norm is 0 before the first update
    }

    /// <summary>Memory of tables and sums.</summary>
    public long Bytes => _arena.Capacity;

    /// <summary>[chunks + 1]: <see cref="ParameterChunks.Starts"/>, int32.</summary>
    public Tensor ChunkStarts { get; }

    /// <summary>[chunks, 2]: the sum of squares of each chunk, float64.</summary>
    public Tensor ChunkSums { get; }

    /// <summary>[1]: the factor that limits the gradient, after a measurement; no tensor without a limit.</summary>
    public Tensor Factor => _limit > 0 ? _norm.Slice(1, new Shape(1)) : default;

    /// <summary>Measures the block of gradients, which is complete.</summary>
    /// <param name="stream">The device's stream, or one that records or counts for it.</param>
    public void Measure(ComputeStream stream)
    {
        stream.Touches("gradient -> norm, factor", Touch.Read(_parameters.Gradients), Touch.Write(_norm));
        stream.Run(GradientNormKernels.SumChunks, Args);
        AddChunks(stream);
    }

    /// <summary>Computes the norm and the factor from the sums of all chunks.</summary>
    /// <param name="stream">The device's stream, or one that records or counts for it.</param>
    public void AddChunks(ComputeStream stream)
    {
        stream.Run(GradientNormKernels.SumParameters, Args);
        stream.Run(GradientNormKernels.Finish, Args);
    }

    private GradientNormArgs Args => new()
    {
        Gradients = _parameters.Gradients.Exists ? _parameters.Gradients.Floats : null, ChunkStarts = ChunkStarts.Ints, FirstChunks = _firstChunks.Ints,
        ChunkSums = (double*)ChunkSums.Address, ParameterSums = (double*)_parameterSums.Address, Norm = _norm.Floats, Count = (int)_parameters.FlatCount,
        Chunks = ChunkSums.Shape[0], Parameters = _tensors, Limit = _limit,
    };

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
