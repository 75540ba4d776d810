using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;
using ContrastiveLossKernels = VideoSim.Kernels.Losses.ContrastiveLoss;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Symmetric InfoNCE between each expert's vision vectors and the shared text vectors of the batch (specification 4.3);
/// the term is the sum over experts of the mean over videos.
/// </summary>
public static unsafe class ContrastiveLoss
{
    private readonly record struct State(Tensor Cosines, Tensor Statistics, float Sharpness, float Scale);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Adds the term to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="vision">[E, B, N]</param>
    /// <param name="text">[B, N]</param>
    /// <param name="temperature">Cosines are divided by it.</param>
    /// <param name="weight">Weight of the term in the total.</param>
    /// <param name="term">Where its unweighted value is written [1].</param>
    public static void Forward(Tape tape, in Tensor vision, in Tensor text, float temperature, float weight, in Tensor term)
    {
        int experts = vision.Shape[0], samples = vision.Shape[1];
        if (text.Shape != new Shape(samples, vision.Shape[2]))
            throw new ArgumentException($"text {text.Shape} does not fit vision {vision.Shape}");
        // cosines[e, i, j] = vision e, i times text j: a linear map whose weights are the text vectors.
        var visionRows = L2Normalize.Forward(tape, vision).Reshape(new Shape(experts * samples, vision.Shape[2]));
        var cosines = Linear.Forward(tape, visionRows, L2Normalize.Forward(tape, text));
        var statistics = tape.Scratch(new Shape(experts, 4, samples));
        var loss = tape.Scratch(new Shape(experts, samples));
        tape.Stream.Run(ContrastiveLossKernels.Forward, new ContrastiveLossArgs
        {
            Cosines = cosines.Floats, Statistics = statistics.Floats, Loss = loss.Floats, Stack = experts, N = samples, Sharpness = 1 / temperature,
        });
        tape.Stream.Run(Total.Sum, new TotalArgs { X = loss.Floats, Y = term.Floats, Rows = 1, Count = experts * samples, Scale = 1f / samples });
        tape.RecordLoss(BackwardRule, new State(cosines, statistics, 1 / temperature, weight / samples));
    }

    private static void Backward(Tape tape, in State s)
    {
        // Nobody else reads the cosines, so this is the first writer of their gradient.
        var gradient = tape.GradientToWrite(s.Cosines, out _);
        if (!gradient.Exists)
            return;
        int samples = s.Cosines.Shape.Width;
        tape.Stream.Run(ContrastiveLossKernels.Backward, new ContrastiveLossArgs
        {
            Cosines = s.Cosines.Floats, Statistics = s.Statistics.Floats, dCosines = gradient.Floats,
            Stack = s.Cosines.Shape.Rows / samples, N = samples, Sharpness = s.Sharpness, Scale = s.Scale,
        });
    }
}
