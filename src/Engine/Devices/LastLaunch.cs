using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>
/// What was given to a GPU last, for messages: a fault shows at a later call. Noting a launch copies its arguments and allocates
/// nothing; the text is made when a call fails.
/// </summary>
internal sealed unsafe class LastLaunch
{
    private const int MostArgumentBytes = 4096; // the driver takes no more

    private static readonly ArgumentLayout LayoutOfProducts = ArgumentLayout.Of<MatMulArgs>();

    private readonly byte[] _arguments = new byte[MostArgumentBytes];
    private ArgumentLayout? _layout;
    private LaunchShape? _shape;
    private int _launches;

    /// <summary>Entry of the kernel, or <c>matmul</c>; null where nothing was launched, or a graph of many.</summary>
    public string? Kernel { get; private set; }

    public void Note(Kernel kernel, LaunchShape shape, void* args, int bytes) => Note(kernel.Entry, kernel.Layout, shape, args, bytes);

    public void Note(in MatMulArgs args)
    {
        fixed (MatMulArgs* pointer = &args)
            Note("matmul", LayoutOfProducts, shape: null, pointer, sizeof(MatMulArgs));
    }

    /// <summary>Notes a graph of so many launches: any of them may be the one that faults.</summary>
    public void NoteGraph(int launches) => (Kernel, _layout, _launches) = (null, null, launches);

    /// <summary>Launch shape and arguments in one line; null where nothing was launched.</summary>
    public string? Describe()
    {
        if (_layout is null)
            return _launches == 0 ? null : $"in a graph of {_launches} launches ({CudaStream.LaunchBlockingVariable}=1 names the one)";
        string shape = _shape is { } s ? $"grid ({s.GridX}, {s.GridY}, {s.GridZ}), block ({s.BlockX}, 1, 1), {s.SharedBytes} bytes of dynamic shared memory, " : "";
        return $"{shape}arguments {_layout.Describe(_arguments)}";
    }

    private void Note(string kernel, ArgumentLayout layout, LaunchShape? shape, void* args, int bytes)
    {
        (Kernel, _layout, _shape) = (kernel, layout, shape);
        new ReadOnlySpan<byte>(args, bytes).CopyTo(_arguments);
    }
}
