using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Softmax;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: mixture [rows, tags], experts [experts, rows, tags].</summary>
public static class ConsistencyLossReference
{
    /// <summary>Loss of each row.</summary>
    public static T[] Forward<T>(T[] mixture, T[] experts, int tags, T sharpness, T epsilon) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] p = SoftmaxReference.Forward(mixture, tags, sharpness), q = SoftmaxReference.Forward(experts, tags, sharpness);
        var loss = new T[mixture.Length / tags];
        for (int i = 0; i < q.Length; i++)
        {
            int at = i % p.Length;
            loss[at / tags] += p[at] * (T.Log(p[at] + epsilon) - T.Log(q[i] + epsilon));
        }
        return loss;
    }

    /// <summary>Gradients of the sum of all rows' losses.</summary>
    public static (T[] Mixture, T[] Experts) Backward<T>(T[] mixture, T[] experts, int tags, T sharpness, T epsilon)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] p = SoftmaxReference.Forward(mixture, tags, sharpness), q = SoftmaxReference.Forward(experts, tags, sharpness);
        T[] dP = new T[p.Length], dQ = new T[q.Length];
        for (int i = 0; i < q.Length; i++)
        {
            int at = i % p.Length;
            dP[at] += T.Log(p[at] + epsilon) - T.Log(q[i] + epsilon) + p[at] / (p[at] + epsilon);
            dQ[i] = -p[at] / (q[i] + epsilon);
        }
        return (SoftmaxReference.Backward(p, dP, tags, sharpness), SoftmaxReference.Backward(q, dQ, tags, sharpness));
    }
}

/// <summary>Checks of <see cref="ConsistencyLoss"/>.</summary>
public static unsafe class ConsistencyLossChecks
{
    private const float Temperature = 2, Epsilon = 1e-8f, Scale = 0.3f;

    // Logits to 60 leave probabilities far below epsilon.
    private static readonly (int Experts, int Rows, int Tags, float Size)[] Shapes = [(1, 1, 1, 1), (3, 5, 9, 2), (3, 2, 40, 60), (2, 6, 16, 4), (3, 0, 4, 1), (2, 2, 523, 3)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(ConsistencyLoss.Forward, static () => Shapes.Select(shape => Case(shape, backward: false, 0, 0))),
        new(ConsistencyLoss.Backward, static () =>
            from shape in Shapes
            from add in new[] { (Mixture: 0, Experts: 0), (Mixture: 1, Experts: 0), (Mixture: 0, Experts: 1) }
            select Case(shape, backward: true, add.Mixture, add.Experts)),
    ];

    private static CheckCase Case((int Experts, int Rows, int Tags, float Size) shape, bool backward, int addMixture, int addExperts)
    {
        var (experts, rows, tags, size) = shape;
        var builder = new CheckBuilder((ulong)(rows + 10 * tags));
        int ofMixture = rows * tags, ofExperts = experts * rows * tags;
        var (mixture, expert) = (builder.Input("mixture", ofMixture, -size, size), builder.Input("experts", ofExperts, -size, size));
        var statistics = builder.Workspace("statistics", rows * (1 + experts) * ConsistencyLoss.StatisticsOfRow);
        var loss = backward ? builder.Workspace("loss", rows) : builder.Output("loss", rows);
        var dMixture = builder.Gradient("dMixture", backward ? ofMixture : 0, addMixture);
        var dExperts = builder.Gradient("dExperts", backward ? ofExperts : 0, addExperts);
        return builder.Build($"{experts} experts, {rows} rows, {tags} tags, logits to {size}, add {addMixture} {addExperts}", launcher =>
        {
            launcher.Run(ConsistencyLoss.Forward, new ConsistencyLossArgs
            {
                MixtureLogits = mixture.Floats, ExpertLogits = expert.Floats, Statistics = statistics.Floats, Loss = loss.Floats,
                Experts = experts, Rows = rows, C = tags,
                Sharpness = 1 / Temperature, Epsilon = Epsilon,
            });
            if (!backward)
                return;
            launcher.Run(ConsistencyLoss.Backward, new ConsistencyLossGradArgs
            {
                MixtureLogits = mixture.Floats, ExpertLogits = expert.Floats, Statistics = statistics.Floats,
                dMixtureLogits = dMixture.Floats, dExpertLogits = dExperts.Floats, Experts = experts, Rows = rows, C = tags,
                Sharpness = 1 / Temperature, Epsilon = Epsilon,
                Scale = Scale, AddMixture = addMixture, AddExperts = addExperts,
            });
        }, new Reference(tags, backward, addMixture, addExperts), backward ? 3 : 2);
    }

    private sealed class Reference(int tags, bool backward, int addMixture, int addExperts) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T sharpness = T.One / T.CreateChecked(Temperature), epsilon = T.CreateChecked(Epsilon), scale = T.CreateChecked(Scale);
            if (!backward)
            {
                ConsistencyLossReference.Forward(values["mixture"], values["experts"], tags, sharpness, epsilon).CopyTo(values["loss"], 0);
                return;
            }
            var (dMixture, dExperts) = ConsistencyLossReference.Backward(values["mixture"], values["experts"], tags, sharpness, epsilon);
            values.Deliver("dMixture", [.. dMixture.Select(d => d * scale)], addMixture);
            values.Deliver("dExperts", [.. dExperts.Select(d => d * scale)], addExperts);
        }
    }
}
