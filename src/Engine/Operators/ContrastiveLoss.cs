using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Symmetric InfoNCE between each expert's vision vectors and the shared text vectors of the batch (specification 4.3);
/// the term is the sum over experts of the mean over videos. Cosines are fp32 whatever the vectors are.
/// </summary>
public static unsafe class ContrastiveLoss
{
    private readonly record struct State(Tensor Vision, Tensor Text, Tensor Cosines, Tensor Statistics, float Sharpness, float Scale);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Adds the term to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="vision">[E, B, N]</param>
    /// <param name="text">[B, N], of the type of vision.</param>
    /// <param name="temperature">Cosines are divided by it.</param>
    /// <param name="weight">Weight of the term in the total.</param>
    /// <param name="term">Where its unweighted value is written [1].</param>
    public static void Forward(Tape tape, in Tensor vision, in Tensor text, float temperature, float weight, in Tensor term)
    {
        int experts = vision.Shape[0], samples = vision.Shape[1], width = vision.Shape[2];
        if (text.Shape != new Shape(samples, width) || text.Type != vision.Type)
            throw new ArgumentException($"text {text.Shape} {text.Type} does not fit vision {vision.Shape} {vision.Type}");
        Tensor unitVision = L2Normalize.Forward(tape, vision), unitText = L2Normalize.Forward(tape, text);
        var cosines = tape.Scratch(new Shape(experts, samples, samples)); // [e, i, j]: vision e, i times text j
        tape.Touches("vision, text -> cosines", Touch.Read(unitVision), Touch.Read(unitText), Touch.Write(cosines));
        MatrixProduct.Run(tape, new MatMulArgs
        {
            A = unitVision.Values, LdA = width, B = unitText.Values, LdB = width, TransposeB = 1, C = cosines.Values, LdC = samples,
            M = experts * samples, N = samples, K = width, Batch = 1, Operands = vision.Precision, Result = cosines.Precision,
        });
        var statistics = tape.Scratch(new Shape(experts, 4, samples));
        var loss = tape.Scratch(new Shape(experts, samples));
        tape.Touches("cosines -> loss", Touch.Read(cosines), Touch.Write(term));
        tape.Stream.Run(ContrastiveLossKernels.Forward, new ContrastiveLossArgs
        {
            Cosines = cosines.Floats, Statistics = statistics.Floats, Loss = loss.Floats, Stack = experts, N = samples, Sharpness = 1 / temperature,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = term.Floats, Rows = 1, Count = experts * samples, Scale = 1f / samples });
        tape.RecordLoss(BackwardRule, new State(unitVision, unitText, cosines, statistics, 1 / temperature, weight / samples));
    }

    private static void Backward(Tape tape, in State s)
    {
        Tensor dVision = tape.GradientToWrite(s.Vision, out int addVision), dText = tape.GradientToWrite(s.Text, out int addText);
        if (!dVision.Exists && !dText.Exists)
            return;
        int experts = s.Cosines.Shape[0], samples = s.Cosines.Shape[1], rows = experts * samples, width = s.Text.Shape.Width;
        var dCosines = tape.Scratch(s.Cosines.Shape, s.Vision.Type);
        tape.Touches("cosines -> their gradient", Touch.Read(s.Cosines), Touch.Write(dCosines));
        tape.Stream.Run(ContrastiveLossKernels.Backward[dCosines.Precision], new ContrastiveLossArgs
        {
            Cosines = s.Cosines.Floats, Statistics = s.Statistics.Floats, dCosines = dCosines.Values,
            Stack = experts, N = samples, Sharpness = s.Sharpness, Scale = s.Scale,
        });
        if (dText.Exists)
        {
            tape.Touches("vision, d cosines -> d text", Touch.Read(dCosines), Touch.Read(s.Vision), Touch.Write(dText, addText));
            MatrixProduct.Run(tape, new MatMulArgs // dText[samples, N] = dCosines^T vision
            {
                A = dCosines.Values, LdA = samples, TransposeA = 1, B = s.Vision.Values, LdB = width, C = dText.Values, LdC = width,
                M = samples, N = width, K = rows, Batch = 1, Add = addText, Operands = dCosines.Precision, Result = dText.Precision,
            });
        }
        if (dVision.Exists)
        {
            tape.Touches("text, d cosines -> d vision", Touch.Read(dCosines), Touch.Read(s.Text), Touch.Write(dVision, addVision));
            MatrixProduct.Run(tape, new MatMulArgs // dVision[rows, N] = dCosines text
            {
                A = dCosines.Values, LdA = samples, B = s.Text.Values, LdB = width, C = dVision.Values, LdC = width,
                M = rows, N = width, K = samples, Batch = 1, Add = addVision, Operands = dCosines.Precision, Result = dVision.Precision,
            });
        }
    }
}
