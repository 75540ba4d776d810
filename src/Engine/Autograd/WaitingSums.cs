using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Autograd;

/// <summary>
/// Gradients of vectors whose partial sums are there, and which one launch will add up: starting a launch for each
/// takes longer than running it.
/// </summary>
internal sealed unsafe class WaitingSums
{
    private readonly HashSet<int> _vectors = []; // their places on the tape
    private readonly List<Touch> _touches = [];
    private PartialSumsArgs _args;

    /// <summary>Whether no further vector has room.</summary>
    public bool IsFull => _args.PartCount == PartialSumKernels.MaxParts;

    /// <summary>Adds a vector.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="partial">[chunks, width]</param>
    /// <param name="y">Its gradient, or a part of it: [width].</param>
    /// <param name="add">1 to add to <paramref name="y"/>.</param>
    public void Add(in Tensor vector, in Tensor partial, in Tensor y, int add)
    {
        _vectors.Add(vector.Node);
        _args.Add(partial.Floats, y.Floats, partial.Shape.Rows, partial.Shape.Width, add);
        _touches.AddRange([Touch.Read(partial), Touch.Write(y, add)]);
    }

    /// <summary>Whether the launch will complete the gradient of a vector.</summary>
    // Told by the vector, not by the address: until the launch, the gradient's memory may belong to other tensors.
    public bool Completes(in Tensor vector) => _vectors.Contains(vector.Node);

    /// <summary>Launches the sums, if there are any.</summary>
    public void Run(ComputeStream stream)
    {
        if (_args.PartCount == 0)
            return;
        stream.Touches("partial sums -> gradients of vectors", [.. _touches]);
        stream.Run(PartialSumKernels.Run, _args);
        stream.EndFunction();
        Clear();
    }

    /// <summary>Forgets all vectors.</summary>
    public void Clear()
    {
        _args = default;
        _vectors.Clear();
        _touches.Clear();
    }
}
