using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Training;

/// <summary>
/// A training step: forward, backward and update. If the store keeps gradients, the update comes last; otherwise
/// backward updates parameters soon after their gradients are complete. With a <see cref="GradientTree"/> a step
/// processes one part of a batch, and the last part's run updates.
/// </summary>
public sealed unsafe class TrainingStep : IDisposable
{
    // Gradients wait for a launch of this size: 16 MB of them.
    private const long ElementsOfLaunch = 1 << 22;

    private readonly Device _device;
    private readonly ParameterStore _parameters;
    private readonly Optimizer? _optimizer;
    private readonly StepInputs _inputs;
    private readonly GradientTree? _tree;
    private readonly PlanStream? _update; // after the last part; null without a tree
    private LossTerms? _ofBatch;

    private TrainingStep(Device device, ParameterStore parameters, Optimizer? optimizer, StepInputs inputs, Func<Tape, LossTerms> losses, StepMode mode, GradientTree? tree, bool keepsValues)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(inputs);
        parameters.RequireDevice(device);
        parameters.RequireTraining();
        if (keepsValues || optimizer is null)
            parameters.RequireGradients();
        if (optimizer is not null && optimizer.Parameters != parameters)
            throw new ArgumentException("the optimizer changes the parameters of another store");
        if (tree is not null)
            mode = mode with { Parts = tree.Parts, Sides = tree.Sides };
        (_device, _parameters, _optimizer, _inputs, _tree) = (device, parameters, optimizer, inputs, tree);
        Step = new Step<LossTerms>(device, mode, inputs, tape =>
        {
            tape.DependOn(parameters.Weights, ParameterStore.Owner);
            if (optimizer is not null)
                tape.DependOn(optimizer.Root, "optimizer");
            if (tree is not null)
                tape.DependOn(tree.Root, "gradient tree");
            var terms = losses(tape);
            if (tree is not null)
            {
                tape.RunBackward(tree.OfPart(terms));
                return terms;
            }
            if (optimizer is not null && !parameters.Gradients.Exists)
            {
                UpdateInBackward(tape, terms, optimizer, inputs.Scalars);
                return terms;
            }
            tape.RunBackward(terms.Terms);
            optimizer?.Update(tape.Stream, inputs.Scalars);
            return terms;
        }, keepsValues ? null : static terms => terms.Values);
        if (tree is null || optimizer is null)
            return;
        _update = new PlanStream();
        optimizer.Update(_update, inputs.Scalars);
    }

    /// <summary>Builds a step that reduces one loss.</summary>
    /// <param name="device">Device that runs the step.</param>
    /// <param name="parameters">The parameters to train, allocated for training in the step's precision.</param>
    /// <param name="optimizer">Changes the parameters; null for gradients alone.</param>
    /// <param name="inputs">The step's inputs, on the device.</param>
    /// <param name="loss">
    /// The model's code. It returns the value of a loss operator, and must not read the values of tensors.
    /// </param>
    /// <param name="seed">Key of the step's random numbers.</param>
    /// <param name="eager">
    /// Rebuild the step every time instead of replaying a plan: for debugging, with the same bits.
    /// </param>
    /// <param name="precision">How activations are stored.</param>
    /// <param name="tree">Adds the gradients of the parts of a batch; null if a run processes a whole batch.</param>
    /// <param name="keepsValues">
    /// True to inspect the step: all of its tensors keep their values until the next run. Otherwise memory is used
    /// again after the last reader of a tensor, and only losses and notes keep theirs. Both give the same bits.
    /// </param>
    /// <exception cref="ArgumentException">
    /// Parameters, optimizer and inputs do not belong together, or are on another device, or the device does not
    /// support the precision.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The parameters are not allocated for training. Or their store does not keep gradients, and the step has no
    /// optimizer or keeps its values.
    /// </exception>
    public static TrainingStep Build(Device device, ParameterStore parameters, Optimizer? optimizer, StepInputs inputs, Func<Tape, Tensor> loss,
        ulong seed = 0, bool eager = false, ElementType precision = ElementType.Float32, GradientTree? tree = null, bool keepsValues = false)
    {
        ArgumentNullException.ThrowIfNull(loss);
        return Build(device, parameters, optimizer, inputs, tape => new LossTerms(new LossTerm("loss", 1, loss(tape))), seed, eager, precision, tree, keepsValues);
    }

    /// <summary>The same with an objective of several terms.</summary>
    public static TrainingStep Build(Device device, ParameterStore parameters, Optimizer? optimizer, StepInputs inputs, Func<Tape, LossTerms> losses,
        ulong seed = 0, bool eager = false, ElementType precision = ElementType.Float32, GradientTree? tree = null, bool keepsValues = false)
    {
        ArgumentNullException.ThrowIfNull(losses);
        return new(device, parameters, optimizer, inputs, losses, new StepMode(Training: true, seed, eager, precision), tree, keepsValues);
    }

    /// <summary>The launches of a run, without those of a gradient tree and of the update after it.</summary>
    public Step<LossTerms> Step { get; }

    /// <summary>
    /// 0-based number of the next update. The optimizer's correction and the random numbers depend on it.
    /// </summary>
    public long Number { get; set; }

    /// <summary>
    /// The terms of the objective, with the values of the last run; with a gradient tree those of the batch whose last
    /// part was run.
    /// </summary>
    public LossTerms Losses => _tree is null ? Step.Result : _ofBatch ??= _tree.OfBatch(Step.Result);

    /// <summary>Runs one update, or one part of it, and counts a complete update.</summary>
    /// <param name="rate">The learning rate of the only parameter group.</param>
    /// <exception cref="ArgumentException">The optimizer has more than one group.</exception>
    public void Run(double rate) => Run([rate]);

    /// <summary>Runs one update, or one part of it, and counts a complete update.</summary>
    /// <param name="rates">The learning rate of each parameter group.</param>
    /// <exception cref="ArgumentException">The number of rates is not the optimizer's number of groups.</exception>
    public void Run(ReadOnlySpan<double> rates)
    {
        Step.ThrowIfDisposed();
        WriteScalars(_inputs, Number, rates);
        Run();
        if (_tree is null or { Next: 0 })
            Number++;
    }

    /// <summary>
    /// Runs one update, or one part of it, with the step number and the rates that the inputs already contain.
    /// </summary>
    /// <exception cref="ObjectDisposedException">
    /// The step, its device, store, optimizer or block of inputs was disposed of.
    /// </exception>
    public void Run()
    {
        Step.ThrowIfDisposed();
        _parameters.BeginGradients(this);
        Step.Run();
        if (_tree is not null && _tree.Add(_device.Stream, Step.Result, this))
            _update?.Replay(_device.Stream);
    }

    /// <summary>
    /// Writes step number and rates to a block of inputs, such as a slot on the host that is copied to the device as a
    /// whole.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="number">0-based number of the update.</param>
    /// <param name="rates">The learning rate of each parameter group.</param>
    /// <param name="part">0-based number of the part; the next one if null.</param>
    /// <exception cref="ArgumentException">The number of rates is not the optimizer's number of groups.</exception>
    public void WriteScalars(StepInputs block, long number, ReadOnlySpan<double> rates, int? part = null)
    {
        var scalars = new StepScalars { Step = (uint)number, Part = (uint)(part ?? _tree?.Next ?? 0) };
        _optimizer?.WriteRates(ref scalars, number, rates);
        block.Upload(scalars);
    }

    /// <summary>The objective after the last run. Waits for the device.</summary>
    public double Loss() => Losses.Total(Losses.Read(_device));

    /// <inheritdoc/>
    public void Dispose()
    {
        Step.Dispose();
        _update?.Dispose();
    }

    // Parameters that the step does not use are updated too: with a gradient of 0 their moments and weights still
    // change. An update is a branch like the products that write gradients of weights, and is joined at the next one.
    private static void UpdateInBackward(Tape tape, LossTerms terms, Optimizer optimizer, StepScalars* scalars)
    {
        var parameters = optimizer.Parameters;
        List<(Parameter Parameter, Tensor Gradient)> waiting = [];
        tape.RunBackwardByParameter(terms.Terms, Add);
        foreach (var parameter in parameters.Parameters.Where(parameter => !tape.Uses(parameter)))
            Add(parameter, parameters.KeptGradient(parameter));
        UpdateWaiting();

        void Add(Parameter parameter, Tensor gradient)
        {
            if (parameter.Store != parameters)
                return;
            waiting.Add((parameter, gradient));
            if (waiting.Count == ParameterBlock.MaxParts || waiting.Sum(static part => part.Parameter.Shape.Count) >= ElementsOfLaunch)
                UpdateWaiting();
        }

        void UpdateWaiting()
        {
            if (waiting.Count == 0)
                return;
            tape.FinishSums();
            using (tape.Stream.Branch())
                optimizer.Update(tape.Stream, scalars, waiting);
            tape.Stream.JoinEarlier();
            waiting.Clear();
        }
    }
}
