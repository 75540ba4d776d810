using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Training;

/// <summary>
/// Builds steps without a backward pass: dropout is off, running statistics are used. Memory of a tensor is used again
/// after the last launch that reads it, so only the result can be read after a run.
/// </summary>
public static class InferenceStep
{
    /// <summary>
    /// Builds a step with one result. Read it with <see cref="Device.Read{T}(in Tensor)"/>; its values stay until the
    /// next run.
    /// </summary>
    /// <param name="device">Device that runs the step.</param>
    /// <param name="inputs">The step's inputs, on the device.</param>
    /// <param name="build">The model's code. It must not read the values of tensors.</param>
    /// <param name="eager">
    /// Rebuild the step every time instead of replaying a plan: for debugging, with the same bits.
    /// </param>
    /// <exception cref="ArgumentException">The inputs or a parameter are on another device.</exception>
    public static Step<Tensor> Build(Device device, StepInputs inputs, Func<Tape, Tensor> build, bool eager = false) =>
        Build(device, inputs, build, static result => [result], eager);

    /// <summary>Builds a step with any result.</summary>
    /// <typeparam name="TResult">The result of the model's code: tensors that each run writes.</typeparam>
    /// <param name="device">Device that runs the step.</param>
    /// <param name="inputs">The step's inputs, on the device.</param>
    /// <param name="build">The model's code. It must not read the values of tensors.</param>
    /// <param name="read">Returns all tensors of the result that are read after a run.</param>
    /// <param name="eager">
    /// Rebuild the step every time instead of replaying a plan: for debugging, with the same bits.
    /// </param>
    /// <exception cref="ArgumentException">The inputs or a parameter are on another device.</exception>
    public static Step<TResult> Build<TResult>(Device device, StepInputs inputs, Func<Tape, TResult> build, Func<TResult, IEnumerable<Tensor>> read, bool eager = false)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(read);
        return new(device, new StepMode(Training: false, Eager: eager), inputs, build, read);
    }
}
