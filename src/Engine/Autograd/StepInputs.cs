using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Autograd;

/// <summary>A tensor that a step reads from outside.</summary>
/// <param name="Name">Its name among the step's inputs.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Type">Element type.</param>
public readonly record struct StepInput(string Name, Shape Shape, ElementType Type = ElementType.Float32);

/// <summary>
/// Everything that a step reads from outside, in one block of memory: the step's scalars, then the inputs in order. Blocks with the same
/// inputs have the same layout on every device, so a block that is filled on the host travels in one copy.
/// </summary>
public unsafe class StepInputs : IDisposable
{
    private static readonly Shape ScalarWords = new(sizeof(StepScalars) / sizeof(int));

    private readonly Device _device;
    private readonly Arena _arena;
    private readonly StepInput[] _inputs;
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Tensor _scalars;

    /// <summary>Takes memory; its contents are undefined.</summary>
    /// <param name="device">Where.</param>
    /// <param name="inputs">Names, shapes and types.</param>
    /// <exception cref="ArgumentException">Two inputs have one name.</exception>
    public StepInputs(Device device, params ReadOnlySpan<StepInput> inputs)
    {
        (_device, _inputs) = (device, inputs.ToArray());
        if (_inputs.CountBy(static input => input.Name).FirstOrDefault(static name => name.Value > 1).Key is { } twice)
            throw new ArgumentException($"two inputs are called {twice}");
        _arena = new Arena(device, Arena.BytesOf(ScalarWords, ElementType.Int32) + _inputs.Sum(static input => Arena.BytesOf(input.Shape, input.Type)));
        _scalars = _arena.Allocate(ScalarWords, ElementType.Int32);
        foreach (var (name, shape, type) in _inputs)
            _tensors.Add(name, _arena.Allocate(shape, type));
    }

    /// <summary>An input by its name.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those that there are.</exception>
    public Tensor this[string name] => _tensors.TryGetValue(name, out var tensor) ? tensor
        : throw new ArgumentException($"there is no input {name}; there are {string.Join(", ", _inputs.Select(static input => input.Name))}");

    /// <summary>The step's scalars.</summary>
    public StepScalars* Scalars => (StepScalars*)_scalars.Address;

    /// <summary>Writes an input. The values may change when this returns.</summary>
    /// <typeparam name="T">float, Half, BFloat16, int or uint, as the input's type is.</typeparam>
    /// <param name="name">Its name.</param>
    /// <param name="values">All of its values, row-major.</param>
    /// <exception cref="ArgumentException">There is no such input, or it has another type or another number of values.</exception>
    public void Upload<T>(string name, ReadOnlySpan<T> values) where T : unmanaged
    {
        var tensor = this[name];
        if (ElementTypes.Of<T>() != tensor.Type || values.Length != tensor.Shape.Count)
            throw new ArgumentException($"input {name} holds {tensor.Shape.Count} values of type {tensor.Type}, not {values.Length} of type {ElementTypes.Of<T>()}");
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

    /// <summary>Begins such a copy: this block, which is on the host, must stay as it is until the destination's <see cref="WaitForCopy"/> returns.</summary>
    /// <exception cref="ArgumentException">The blocks have other inputs.</exception>
    public void BeginCopyTo(StepInputs destination)
    {
        if (!_inputs.AsSpan().SequenceEqual(destination._inputs))
            throw new ArgumentException($"a block of {string.Join(", ", _inputs)} does not fit one of {string.Join(", ", destination._inputs)}");
        destination._device.BeginUpload(_arena.Base, _arena.Used, destination._arena.Base);
    }

    /// <summary>Waits until the copies to this block are done, but for no work of the device after them.</summary>
    public void WaitForCopy() => _device.WaitForUploads();

    /// <inheritdoc/>
    public void Dispose()
    {
        _arena.Dispose();
        GC.SuppressFinalize(this);
    }
}
