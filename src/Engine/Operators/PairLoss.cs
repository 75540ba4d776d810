using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>Squared error and KL term of pair similarities (specification 4.6), both sums over the batch.</summary>
public static unsafe class PairLoss
{
    private readonly record struct State(Tensor Embeddings, Tensor Targets, Tensor Cosines, Tensor InverseNorm, float KlWeight);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Adds both terms to the step: the squared error with weight 1, the KL term with its own.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="embeddings">[2P, N]: left sides, then right sides.</param>
    /// <param name="targetSimilarities">[P]</param>
    /// <param name="klWeight">Weight of the KL term in the total.</param>
    /// <param name="squaredError">Where the unweighted squared error is written [1].</param>
    /// <param name="kl">Where the unweighted KL term is written [1].</param>
    /// <param name="cosines">Where the similarities are written [P].</param>
    public static void Forward(Tape tape, in Tensor embeddings, in Tensor targetSimilarities, float klWeight, in Tensor squaredError, in Tensor kl, in Tensor cosines)
    {
        int pairs = embeddings.Shape[0] / 2;
        if (targetSimilarities.Shape.Count != pairs || cosines.Shape.Count != pairs)
            throw new ArgumentException($"{targetSimilarities.Shape} targets do not fit embeddings {embeddings.Shape}");
        var inverseNorm = tape.Scratch(new Shape(2 * pairs));
        Tensor errors = tape.Scratch(new Shape(pairs)), divergences = tape.Scratch(new Shape(pairs));
        tape.Touches("embeddings -> losses", Touch.Read(embeddings), Touch.Read(targetSimilarities), Touch.Write(squaredError), Touch.Write(kl), Touch.Write(cosines));
        tape.Stream.Run(PairLossKernels.Forward[embeddings.Precision], new PairLossArgs
        {
            Embeddings = embeddings.Values, Targets = targetSimilarities.Floats, Cosines = cosines.Floats, InverseNorm = inverseNorm.Floats,
            SquaredError = errors.Floats, Kl = divergences.Floats, Pairs = pairs, C = embeddings.Shape.Width,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = errors.Floats, Y = squaredError.Floats, Rows = 1, Count = pairs, Scale = 1 });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = divergences.Floats, Y = kl.Floats, Rows = 1, Count = pairs, Scale = 1 });
        tape.RecordLoss(BackwardRule, new State(embeddings, targetSimilarities, cosines, inverseNorm, klWeight));
    }

    private static void Backward(Tape tape, in State s)
    {
        var gradient = tape.GradientToWrite(s.Embeddings, out int add);
        if (!gradient.Exists)
            return;
        tape.Touches("embeddings -> gradients", Touch.Read(s.Embeddings), Touch.Read(s.Targets), Touch.Read(s.Cosines), Touch.Write(gradient, add));
        tape.Stream.Run(PairLossKernels.Backward[s.Embeddings.Precision], new PairLossGradArgs
        {
            Embeddings = s.Embeddings.Values, Targets = s.Targets.Floats, Cosines = s.Cosines.Floats, InverseNorm = s.InverseNorm.Floats,
            dEmbeddings = gradient.Values, Pairs = s.Embeddings.Shape[0] / 2, C = s.Embeddings.Shape.Width, KlWeight = s.KlWeight, Add = add,
        });
    }
}
