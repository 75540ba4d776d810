using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Autograd;

/// <summary>A tensor that a step reads as input.</summary>
/// <param name="Name">Its name among the step's inputs.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Type">Element type.</param>
public readonly record struct StepInput(string Name, Shape Shape, ElementType Type = ElementType.Float32);

/// <summary>
/// All inputs of a step in one block of memory: the step's scalars, then the tensors in order. Blocks with equal
/// inputs have the same layout on every device, so one copy moves a whole block from the host to a device.
/// </summary>
public unsafe class StepInputs : IDisposable
{
    private const string Purpose = "the inputs of a step";

    private static readonly Shape ScalarWords = new(sizeof(StepScalars) / sizeof(int));

    private readonly Device _device;
    private readonly Arena _arena;
    private readonly Arena? _staging; // null if copies to this block are not staged
    private readonly StepInput[] _inputs;
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Tensor _scalars;

    /// <summary>Takes memory; its contents are undefined.</summary>
    /// <param name="device">Device that the memory is taken from.</param>
    /// <param name="inputs">Names, shapes and types.</param>
    /// <exception cref="ArgumentException">Two inputs have the same name.</exception>
    public StepInputs(Device device, params ReadOnlySpan<StepInput> inputs) : this(device, isAhead: false, inputs)
    {
    }

    /// <summary>Takes memory for a block that is written while the step before still runs.</summary>
    /// <param name="device">Device that the memory is taken from.</param>
    /// <param name="isAhead">
    /// Whether copies to this block begin before the step before has ended. If the device can copy beside that step,
    /// this takes as much memory again.
    /// </param>
    /// <param name="inputs">Names, shapes and types.</param>
    /// <exception cref="ArgumentException">Two inputs have the same name.</exception>
    protected StepInputs(Device device, bool isAhead, ReadOnlySpan<StepInput> inputs)
    {
        (_device, _inputs) = (device, inputs.ToArray());
        if (_inputs.CountBy(static input => input.Name).FirstOrDefault(static name => name.Value > 1).Key is { } twice)
            throw new ArgumentException($"two inputs are called {twice}");
        long bytes = Arena.BytesOf(ScalarWords, ElementType.Int32) + _inputs.Sum(static input => Arena.BytesOf(input.Shape, input.Type));
        _arena = new Arena(device, bytes, Purpose);
        try
        {
            _staging = isAhead && device.StagesUploads ? new Arena(device, bytes, Purpose) : null;
        }
        catch
        {
            _arena.Dispose();
            throw;
        }
        _scalars = _arena.Allocate(ScalarWords, ElementType.Int32);
        foreach (var (name, shape, type) in _inputs)
            _tensors.Add(name, _arena.Allocate(shape, type));
    }

    /// <summary>An input by its name.</summary>
    /// <exception cref="ArgumentException">No input has that name; the message lists the names.</exception>
    public Tensor this[string name] => _tensors.TryGetValue(name, out var tensor) ? tensor
        : throw new ArgumentException($"there is no input {name}; the inputs are {string.Join(", ", _inputs.Select(static input => input.Name))}");

    /// <summary>Memory of the block, without what is taken to write it ahead.</summary>
    public long Bytes => _arena.Capacity;

    /// <summary>Device that the memory was taken from.</summary>
    internal Device Device => _device;

    /// <summary>The step's scalars as a tensor, also after the block was disposed of.</summary>
    internal Tensor ScalarTensor => _scalars;

    /// <summary>The step's scalars.</summary>
    public StepScalars* Scalars => (StepScalars*)_scalars.Address;

    /// <summary>Writes an input. The caller may change the values as soon as this returns.</summary>
    /// <typeparam name="T">float, Half, BFloat16, int or uint; it must match the input's type.</typeparam>
    /// <param name="name">Its name.</param>
    /// <param name="values">All of its values, row-major.</param>
    /// <exception cref="ArgumentException">
    /// There is no such input, or it has another type or another number of values.
    /// </exception>
    public void Upload<T>(string name, ReadOnlySpan<T> values) where T : unmanaged
    {
        var tensor = this[name];
        if (ElementTypes.Of<T>() != tensor.Type || values.Length != tensor.Shape.Count)
            throw new ArgumentException($"input {name} has {tensor.Shape.Count} values of type {tensor.Type}, not {values.Length} of type {ElementTypes.Of<T>()}");
        _device.Upload(MemoryMarshal.AsBytes(values), tensor.Address);
    }

    /// <summary>Writes the step's scalars.</summary>
    public void Upload(StepScalars scalars) => _device.Upload(MemoryMarshal.AsBytes(new ReadOnlySpan<StepScalars>(in scalars)), _scalars.Address);

    /// <summary>Copies the whole block to a device's block with the same inputs.</summary>
    public void CopyTo(StepInputs destination)
    {
        BeginCopyTo(destination);
        destination.WaitForCopy();
    }

    /// <summary>
    /// Begins to copy this block, which is on the host, to a device's block. Do not change this block until <see
    /// cref="WaitForCopy"/> of the destination returns.
    /// </summary>
    /// <exception cref="ArgumentException">The blocks have different inputs.</exception>
    /// <exception cref="ObjectDisposedException">One of the blocks was disposed of.</exception>
    public void BeginCopyTo(StepInputs destination)
    {
        ObjectDisposedException.ThrowIf(_scalars.IsStale, this);
        ObjectDisposedException.ThrowIf(destination._scalars.IsStale, destination);
        if (!_inputs.AsSpan().SequenceEqual(destination._inputs))
            throw new ArgumentException($"a block with the inputs {string.Join(", ", _inputs)} cannot be copied to one with {string.Join(", ", destination._inputs)}");
        if (destination._staging is { } staging)
            destination._device.BeginUpload(_arena.Base, _arena.Used, staging.Base, destination._arena.Base);
        else
            destination._device.BeginUpload(_arena.Base, _arena.Used, destination._arena.Base);
    }

    /// <summary>
    /// Waits until the copies to this block have read their sources. Does not wait for later work of the device, which
    /// finds the copied values.
    /// </summary>
    public void WaitForCopy() => _device.WaitForUploads();

    /// <inheritdoc/>
    public void Dispose()
    {
        _staging?.Dispose();
        _arena.Dispose();
        GC.SuppressFinalize(this);
    }
}
