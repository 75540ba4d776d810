using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;

namespace VideoSim.Cpu.Bench;

/// <summary>Operands that all subjects share: each alone is larger than the caches.</summary>
internal sealed unsafe class Buffers(Arena arena)
{
    /// <summary>Elements of each, but for <see cref="B"/>.</summary>
    public const int Elements = 4096 * 3072;

    private const int ElementsOfB = 10000 * 3072;

    /// <summary>Memory for all of them, and some.</summary>
    public const long Bytes = sizeof(float) * (4L * Elements + ElementsOfB + (16 << 20));

    private readonly Tensor _c = arena.Allocate(new Shape(Elements));

    /// <summary>Operands that nobody writes to. No element is 0: a gradient of 0 would let Adam's moments decay into denormals.</summary>
    public float* A { get; } = Filled(arena, Elements);

    /// <summary>The same.</summary>
    public float* B { get; } = Filled(arena, ElementsOfB);

    /// <summary>Results.</summary>
    public float* C => _c.Floats;

    /// <summary>Second results.</summary>
    public float* D { get; } = Filled(arena, Elements);

    /// <summary>Never negative: Adam's second moments.</summary>
    public float* Squares { get; } = Zeros(arena, Elements);

    /// <summary>Memory that may hold anything.</summary>
    public Tensor Anything => _c;

    private static float* Filled(Arena arena, int count)
    {
        float* data = arena.Allocate(new Shape(count)).Floats;
        for (int i = 0; i < count; i++)
            data[i] = (i % 61 - 29.5f) / 32;
        return data;
    }

    private static float* Zeros(Arena arena, int count)
    {
        float* data = arena.Allocate(new Shape(count)).Floats;
        new Span<float>(data, count).Clear();
        return data;
    }
}
