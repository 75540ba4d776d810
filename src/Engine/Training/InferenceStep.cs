using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;

namespace VideoSim.Engine.Training;

/// <summary>Builds steps without a backward pass: dropout is off, running statistics are used.</summary>
public static class InferenceStep
{
    /// <summary>Builds a step. Read its results with <see cref="Device.Read{T}(in Tensors.Tensor)"/>.</summary>
    /// <typeparam name="TResult">The result of the model's code: tensors that each run writes.</typeparam>
    /// <param name="device">Device that runs the step.</param>
    /// <param name="inputs">The step's inputs, on the device.</param>
    /// <param name="build">The model's code. It must not read the values of tensors.</param>
    /// <param name="eager">Rebuild the step every time instead of replaying a plan.</param>
    /// <exception cref="ArgumentException">The inputs or a parameter are on another device.</exception>
    public static Step<TResult> Build<TResult>(Device device, StepInputs inputs, Func<Tape, TResult> build, bool eager = false)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return new(device, new StepMode(Training: false, Eager: eager), inputs, build);
    }
}
