using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;

namespace VideoSim.Engine.Training;

/// <summary>Builds steps without a backward pass: dropout is off, running statistics are used.</summary>
public static class InferenceStep
{
    /// <summary>Builds a step; its results are read by <see cref="Device.Read{T}(in Tensors.Tensor)"/>.</summary>
    /// <typeparam name="TResult">What the model's code returns: tensors that a run fills.</typeparam>
    /// <param name="device">Where it runs.</param>
    /// <param name="inputs">What the step reads, on the device.</param>
    /// <param name="build">The model's code; it may not look at values.</param>
    /// <param name="eager">Rebuild the step every time instead of replaying a plan.</param>
    public static Step<TResult> Build<TResult>(Device device, StepInputs inputs, Func<Tape, TResult> build, bool eager = false) =>
        new(device, new StepMode(Training: false, Eager: eager), inputs, build);
}
