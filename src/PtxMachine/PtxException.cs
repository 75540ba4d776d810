namespace VideoSim.PtxMachine;

/// <summary>A text that is not PTX as NVRTC writes it, or that uses what the machine does not have.</summary>
/// <param name="message">What is wrong, with the line of the text.</param>
public sealed class PtxException(string message) : Exception(message);

/// <summary>A mistake that a running kernel has made.</summary>
internal sealed class FaultException(string message) : Exception(message);
