using System.Runtime.CompilerServices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Tensors;

/// <summary>
/// A view of an arena: address, shape, element type and place on the tape. It owns nothing and is unmanaged, so the
/// states of the tape can contain it. Using it after its arena was reset throws.
/// </summary>
public readonly unsafe struct Tensor
{
    /// <summary>The node of a tensor without a gradient.</summary>
    public const int NoNode = -1;

    private readonly nint _address;
    private readonly int* _arenaGeneration;
    private readonly int _generation;
    private readonly int _nodeAfter; // Node + 1, so default (no tensor) has no place on the tape

    internal Tensor(nint address, Shape shape, ElementType type, int node, int* arenaGeneration, int generation)
    {
        (_address, Shape, Type, _nodeAfter, _generation) = (address, shape, type, node + 1, generation);
        _arenaGeneration = arenaGeneration;
    }

    /// <summary>Sizes.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public ElementType Type { get; }

    /// <summary>Place on the tape, or <see cref="NoNode"/>.</summary>
    public int Node => _nodeAfter - 1;

    /// <summary>Whether this is a tensor; <c>default</c> stands for "none".</summary>
    public bool Exists => _arenaGeneration != null;

    /// <summary>Identifies the arena: on the counting device, addresses of several arenas may be equal.</summary>
    internal nint Arena => (nint)_arenaGeneration;

    /// <summary>Whether the arena was reset or disposed of since. Only for a tensor that exists.</summary>
    internal bool IsStale => *_arenaGeneration != _generation;

    /// <summary>Address on the device.</summary>
    /// <exception cref="InvalidOperationException">The arena was reset, or this is no tensor.</exception>
    public nint Address
    {
        get
        {
            if (_arenaGeneration == null || IsStale)
                ThrowStale();
            return _address;
        }
    }

    /// <summary>Address of fp32 elements.</summary>
    public float* Floats => (float*)Typed(ElementType.Float32);

    /// <summary>Address of 32-bit integers.</summary>
    public int* Ints => (int*)Typed(ElementType.Int32);

    /// <summary>Address of fp16 elements.</summary>
    public Half* Halves => (Half*)Typed(ElementType.Float16);

    /// <summary>Address of values, fp32 or bf16, for kernels that take either.</summary>
    public void* Values => Type is ElementType.Float32 or ElementType.BFloat16 ? (void*)Address : (void*)Typed(ElementType.Float32);

    /// <summary>The same, or null where there is no tensor.</summary>
    public void* ValuesOrNull => Exists ? Values : null;

    /// <summary>Address of a value other than the first.</summary>
    public void* ValuesAt(long element) => (byte*)Values + element * Type.Size();

    /// <summary>Address of fp32 elements, or null where there is no tensor.</summary>
    public float* FloatsOrNull => Exists ? Floats : null;

    /// <summary>The same elements in another shape.</summary>
    public Tensor Reshape(Shape shape) => shape.Count == Shape.Count
        ? new(_address, shape, Type, Node, _arenaGeneration, _generation)
        : throw new ArgumentException($"{Shape} cannot be read as {shape}");

    /// <summary>The same elements, at another place on the tape.</summary>
    internal Tensor At(int node) => new(_address, Shape, Type, node, _arenaGeneration, _generation);

    /// <summary>A contiguous part of the elements as a constant view.</summary>
    /// <param name="offset">First element.</param>
    /// <param name="shape">Shape of the part.</param>
    public Tensor Slice(long offset, Shape shape) => offset >= 0 && offset + shape.Count <= Shape.Count
        ? new(_address + (nint)(offset * Type.Size()), shape, Type, NoNode, _arenaGeneration, _generation)
        : throw new ArgumentException($"{shape} at element {offset} lies outside of {Shape}");

    private nint Typed(ElementType type)
    {
        if (type != Type)
            throw new InvalidOperationException($"a tensor {Shape} of {Type} was read as {type}");
        return Address;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ThrowStale() => throw new InvalidOperationException(_arenaGeneration == null
        ? "a tensor is missing" : $"a tensor {Shape} was used after its arena was reset");
}
