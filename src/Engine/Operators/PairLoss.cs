using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>The terms of a <see cref="PairLoss"/>, and the cosines that they are computed from.</summary>
/// <param name="SquaredError">Sum over pairs of (cosine - target)^2 [1].</param>
/// <param name="Kl">Sum over pairs of the clipped KL term [1].</param>
/// <param name="Cosines">Cosine of each pair [P]; it has no gradient.</param>
public readonly record struct PairTerms(Tensor SquaredError, Tensor Kl, Tensor Cosines);

/// <summary>Squared error and KL term of the cosines of pairs of items, both sums over the batch.</summary>
public static unsafe class PairLoss
{
    private readonly record struct State(Tensor Embeddings, Tensor Targets, Tensor InverseNorm, PairTerms Terms);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Compares pairs.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="embeddings">[2P, C]: left items, then right items.</param>
    /// <param name="targets">Target of each cosine [P].</param>
    /// <exception cref="ArgumentException">The number of targets is not the number of pairs.</exception>
    public static PairTerms Forward(Tape tape, in Tensor embeddings, in Tensor targets)
    {
        int pairs = embeddings.Shape[0] / 2;
        if (embeddings.Shape[0] != 2 * pairs || targets.Shape.Count != pairs)
            throw new ArgumentException($"{targets.Shape} targets do not fit embeddings {embeddings.Shape}");
        Tensor cosines = tape.Scratch(new Shape(pairs)), inverseNorm = tape.Scratch(new Shape(2 * pairs));
        Tensor losses = tape.Scratch(new Shape(2, pairs)), values = tape.Scratch(new Shape(2));
        tape.Touches("embeddings -> losses", Touch.Read(embeddings), Touch.Read(targets), Touch.Write(values), Touch.Write(cosines));
        tape.Stream.Run(PairLossKernels.Forward[embeddings.Type], new PairLossArgs
        {
            Embeddings = embeddings.Values, Targets = targets.Floats, Cosines = cosines.Floats, InverseNorm = inverseNorm.Floats,
            SquaredError = losses.Floats, Kl = losses.Floats + pairs, Pairs = pairs, C = embeddings.Shape.Width,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = losses.Floats, Y = values.Floats, Rows = 2, Count = pairs, Scale = 1 });
        var terms = new PairTerms(tape.Term(values, 0), tape.Term(values, 1), cosines);
        tape.RecordLoss(BackwardRule, new State(embeddings, targets, inverseNorm, terms));
        return terms;
    }

    private static void Backward(Tape tape, in State s)
    {
        var (squaredErrorWeight, klWeight) = (tape.WeightOf(s.Terms.SquaredError), tape.WeightOf(s.Terms.Kl));
        if ((squaredErrorWeight, klWeight) == (0, 0))
            return;
        var gradient = tape.GradientToWrite(s.Embeddings, out int add);
        if (!gradient.Exists)
            return;
        tape.Touches("embeddings -> gradients", Touch.Read(s.Embeddings), Touch.Read(s.Targets), Touch.Read(s.Terms.Cosines), Touch.Write(gradient, add));
        tape.Stream.Run(PairLossKernels.Backward[s.Embeddings.Type], new PairLossGradArgs
        {
            Embeddings = s.Embeddings.Values, Targets = s.Targets.Floats, Cosines = s.Terms.Cosines.Floats, InverseNorm = s.InverseNorm.Floats,
            dEmbeddings = gradient.Values, Pairs = s.Embeddings.Shape[0] / 2, C = s.Embeddings.Shape.Width,
            SquaredErrorWeight = squaredErrorWeight, KlWeight = klWeight, Add = add,
        });
    }
}
