namespace VideoSim.Kernels.Contract;

/// <summary>
/// One kernel for tensors of either precision: two entries of one CUDA source, instances of one template. Pointers to such tensors are
/// <c>void*</c> in the arguments; all others, to statistics, vectors and gradients of parameters, keep their types.
/// </summary>
public sealed class KernelPair<TArgs> where TArgs : unmanaged
{
    private readonly Kernel<TArgs> _float32, _bfloat16;

    /// <summary>Makes both.</summary>
    /// <param name="name">Name of the entries without their ending, such as <c>layer_norm_forward</c>.</param>
    /// <param name="make">The kernel of an entry and a precision; it has a twin in fp32 only.</param>
    public KernelPair(string name, Func<string, ElementType, Kernel<TArgs>> make) =>
        (_float32, _bfloat16) = (make($"{name}_{ElementType.Float32.Suffix()}", ElementType.Float32), make($"{name}_{ElementType.BFloat16.Suffix()}", ElementType.BFloat16));

    /// <summary>The kernel for tensors of a precision.</summary>
    /// <exception cref="ArgumentException">The type is no precision.</exception>
    public Kernel<TArgs> this[ElementType precision] => precision switch
    {
        ElementType.Float32 => _float32,
        ElementType.BFloat16 => _bfloat16,
        _ => throw new ArgumentException($"{precision} is not a type of values"),
    };
}
