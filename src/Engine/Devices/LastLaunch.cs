using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// The last launch on a GPU, for messages: a fault appears at a later call. Recording a launch copies its arguments
/// and allocates nothing; the text is made when a call fails.
/// </summary>
internal sealed unsafe class LastLaunch
{
    private const int MostArgumentBytes = 4096; // the driver's limit

    private readonly byte[] _arguments = new byte[MostArgumentBytes];
    private ArgumentLayout? _layout;
    private LaunchShape? _shape;
    private int _launches;

    /// <summary>Entry of the kernel; null if nothing was launched, or a graph of many kernels.</summary>
    public string? Kernel { get; private set; }

    /// <summary>Records a launch; the launch of a library has no shape.</summary>
    public void Note(Kernel kernel, LaunchShape? shape, void* args, int bytes)
    {
        (Kernel, _layout, _shape) = (kernel.Entry, kernel.Layout, shape);
        new ReadOnlySpan<byte>(args, bytes).CopyTo(_arguments);
    }

    /// <summary>Records the launch of a graph. Any of its launches may be the one that faults.</summary>
    public void NoteGraph(int launches) => (Kernel, _layout, _launches) = (null, null, launches);

    /// <summary>Launch shape and arguments in one line; null if nothing was launched.</summary>
    public string? Describe()
    {
        if (_layout is null)
            return _launches == 0 ? null : $"in a graph of {_launches} launches (set {CudaStream.LaunchBlockingVariable}=1 to find the one)";
        string shape = _shape is { } s ? $"grid ({s.GridX}, {s.GridY}, {s.GridZ}), block ({s.BlockX}, 1, 1), {s.SharedBytes} bytes of dynamic shared memory, " : "";
        return $"{shape}arguments {_layout.Describe(_arguments)}";
    }
}
