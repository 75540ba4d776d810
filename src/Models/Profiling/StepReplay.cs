using VideoSim.Engine.Devices;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>Launches training steps of presets for streams that do something else than run them.</summary>
public static class StepReplay
{
    /// <summary>
    /// Builds steps on a device, each with initial weights and a batch of synthetic videos, and launches each once on
    /// the device's stream.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="steps">The steps, one after the other.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public static void Run(Device device, string preset, IEnumerable<StepKind> steps, CancellationToken cancellation)
    {
        using var batches = new SyntheticBatches();
        foreach (var step in steps)
        {
            var sizes = SyntheticBatches.Sizes(preset, step.Model, []);
            using var built = new BuiltStep(device, sizes, step.Pretraining, step.Precision);
            batches.Fill(built, sizes.Model, cancellation);
            built.Step.Replay(device.Stream);
        }
    }
}
