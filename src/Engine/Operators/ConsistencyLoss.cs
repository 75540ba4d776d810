using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;
using ConsistencyLossKernels = VideoSim.Kernels.Losses.ConsistencyLoss;

namespace VideoSim.Engine.Operators;

/// <summary>KL divergence of the experts' softened tag distributions from the mixture's (specification 4.4), mean over videos.</summary>
public static unsafe class ConsistencyLoss
{
    private readonly record struct State(Tensor Mixture, Tensor Experts, Tensor Statistics, float Sharpness, float Epsilon, float Scale);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Adds the term to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="mixtureLogits">[B, C]</param>
    /// <param name="expertLogits">[E, B, C]</param>
    /// <param name="temperature">Logits are divided by it.</param>
    /// <param name="epsilon">Added to probabilities inside logarithms.</param>
    /// <param name="weight">Weight of the term in the total.</param>
    /// <param name="term">Where its unweighted value is written [1].</param>
    public static void Forward(Tape tape, in Tensor mixtureLogits, in Tensor expertLogits, float temperature, float epsilon, float weight, in Tensor term)
    {
        int experts = expertLogits.Shape[0], rows = mixtureLogits.Shape[0], tags = mixtureLogits.Shape[1];
        if (expertLogits.Shape != new Shape(experts, rows, tags))
            throw new ArgumentException($"expert logits {expertLogits.Shape} do not fit mixture logits {mixtureLogits.Shape}");
        var statistics = tape.Scratch(new Shape(rows, 1 + experts, ConsistencyLossKernels.StatisticsOfRow));
        var loss = tape.Scratch(new Shape(rows));
        tape.Stream.Run(ConsistencyLossKernels.Forward, new ConsistencyLossArgs
        {
            MixtureLogits = mixtureLogits.Floats, ExpertLogits = expertLogits.Floats, Statistics = statistics.Floats, Loss = loss.Floats,
            Experts = experts, Rows = rows, C = tags, Sharpness = 1 / temperature, Epsilon = epsilon,
        });
        tape.Stream.Run(Total.Sum, new TotalArgs { X = loss.Floats, Y = term.Floats, Count = rows, Scale = 1f / rows });
        tape.RecordLoss(BackwardRule, new State(mixtureLogits, expertLogits, statistics, 1 / temperature, epsilon, weight / rows));
    }

    private static void Backward(Tape tape, in State s)
    {
        var dMixture = tape.GradientToWrite(s.Mixture, out int addMixture);
        var dExperts = tape.GradientToWrite(s.Experts, out int addExperts);
        if (!dMixture.Exists && !dExperts.Exists)
            return;
        tape.Stream.Run(ConsistencyLossKernels.Backward, new ConsistencyLossGradArgs
        {
            MixtureLogits = s.Mixture.Floats, ExpertLogits = s.Experts.Floats, Statistics = s.Statistics.Floats,
            dMixtureLogits = dMixture.FloatsOrNull, dExpertLogits = dExperts.FloatsOrNull,
            Experts = s.Experts.Shape[0], Rows = s.Mixture.Shape[0], C = s.Mixture.Shape[1],
            Sharpness = s.Sharpness, Epsilon = s.Epsilon, Scale = s.Scale, AddMixture = addMixture, AddExperts = addExperts,
        });
    }
}
