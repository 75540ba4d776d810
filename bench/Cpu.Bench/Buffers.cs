using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;

namespace VideoSim.Cpu.Bench;

/// <summary>Operands that all subjects share. Each is larger than all caches.</summary>
internal sealed unsafe class Buffers(Arena arena)
{
    /// <summary>Elements of each buffer except <see cref="B"/>.</summary>
    public const int Elements = 4096 * 3072;

    private const int ElementsOfB = 10000 * 3072;

    /// <summary>Memory for all of them and a reserve.</summary>
    public const long Bytes = sizeof(float) * (4L * Elements + ElementsOfB + (16 << 20));

    private readonly Tensor _c = arena.Allocate(new Shape(Elements));

    /// <summary>
    /// Operands that are only read. No element is 0: with a gradient of 0 Adam's moments would become denormal.
    /// </summary>
    public float* A { get; } = Filled(arena, Elements);

    /// <summary>The same.</summary>
    public float* B { get; } = Filled(arena, ElementsOfB);

    /// <summary>Results.</summary>
    public float* C => _c.Floats;

    /// <summary>Second results.</summary>
    public float* D { get; } = Filled(arena, Elements);

    /// <summary>Never negative: Adam's second moments.</summary>
    public float* Squares { get; } = Zeros(arena, Elements);

    /// <summary>Memory with any content.</summary>
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
