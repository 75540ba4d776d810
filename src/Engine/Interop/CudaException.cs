namespace VideoSim.Engine.Interop;

/// <summary>A call of NVIDIA's libraries failed.</summary>
public sealed class CudaException : Exception
{
    /// <summary>Reports a failed call.</summary>
    /// <param name="call">Name of the function.</param>
    /// <param name="code">What it returned.</param>
    /// <param name="meaning">What the library says of that code.</param>
    /// <param name="kernel">The kernel that was, or had last been, launched; null if none.</param>
    /// <param name="device">The device; null before one was chosen.</param>
    /// <param name="launch">Shape and arguments of that kernel's launch; null if none.</param>
    public CudaException(string call, int code, string meaning, string? kernel, string? device, string? launch = null)
        : base($"{call} failed with {code} ({meaning}){Part(" on ", device)}{Part(", last kernel ", kernel)}{Part(", ", launch)}") =>
        (Call, Code, Kernel, Device) = (call, code, kernel, device);

    /// <summary>Name of the function.</summary>
    public string Call { get; }

    /// <summary>The library's error code.</summary>
    public int Code { get; }

    /// <summary>The kernel that was, or had last been, launched. A GPU reports a fault at some later call.</summary>
    public string? Kernel { get; }

    /// <summary>The device.</summary>
    public string? Device { get; }

    private static string Part(string before, string? value) => value is null ? "" : before + value;
}
