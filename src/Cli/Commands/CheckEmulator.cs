using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;

namespace VideoSim.Cli.Commands;

/// <summary>The emulator of a check, which takes the driver's place once, and all builds of kernels in it.</summary>
internal sealed class CheckEmulator(CommandConsole console)
{
    private CudaEmulator? _emulator;

    /// <summary>Builds kernels, and adds them to the emulator.</summary>
    /// <returns>The emulator, or the errors that g++ reported.</returns>
    public (CudaEmulator? Emulator, string? Refusal) Build(KernelSources sources, IReadOnlyList<KernelUnit> units)
    {
        try
        {
            using var progress = new EmulatorProgress(console.Progress);
            if (_emulator is null)
                _emulator = new CudaEmulator(UserCache.Emulator, sources, units, progress.Report);
            else
                CudaEmulator.Add(UserCache.Emulator, sources, units, progress.Report);
            return (_emulator, null);
        }
        catch (DataException e)
        {
            return (null, e.Message);
        }
    }
}
