namespace VideoSim.Engine.Interop;

/// <summary>A call of NVIDIA's libraries failed.</summary>
public sealed class CudaException : Exception
{
    /// <summary>Reports a failed call.</summary>
    /// <param name="call">Name of the function.</param>
    /// <param name="code">Its return code.</param>
    /// <param name="meaning">The library's text for that code.</param>
    /// <param name="kernel">The kernel of this launch, or of the last one before the call; null if none.</param>
    /// <param name="device">The device; null before one is chosen.</param>
    /// <param name="launch">Shape and arguments of that kernel's launch; null if none.</param>
    public CudaException(string call, int code, string meaning, string? kernel, string? device, string? launch = null)
        : base($"{call} failed with {code} ({meaning}){Part(" on ", device)}{Part(", last kernel ", kernel)}{Part(", ", launch)}") =>
        (Call, Code, Kernel, Device) = (call, code, kernel, device);

    /// <summary>Name of the function.</summary>
    public string Call { get; }

    /// <summary>The library's error code.</summary>
    public int Code { get; }

    /// <summary>
    /// The kernel of this launch, or of the last one before the call: a GPU reports a fault at a later call.
    /// </summary>
    public string? Kernel { get; }

    /// <summary>The device.</summary>
    public string? Device { get; }

    private static string Part(string before, string? value) => value is null ? "" : before + value;
}
