using System.Numerics;
using VideoSim.Kernels.Softmax;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: logits [rows, tags], labels as bits [videos, words].</summary>
/// <param name="Labels">Bits of the tags that are present.</param>
/// <param name="Videos">Rows of labels.</param>
/// <param name="Tags">Tags of a row.</param>
/// <param name="PositiveGamma">Focusing exponent of present tags.</param>
/// <param name="NegativeGamma">Focusing exponent of absent tags.</param>
/// <param name="Margin">Subtracted from the probability of absent tags.</param>
public sealed record TagLossReference(int[] Labels, int Videos, int Tags, float PositiveGamma = 0, float NegativeGamma = 0, float Margin = 0)
{
    /// <summary>
    /// Loss of each row. The plain version stores the loss of each tag as a tensor, which <paramref name="stored"/>
    /// rounds.
    /// </summary>
    public T[] Forward<T>(T[] logits, Func<T, T>? stored = null) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var loss = new T[logits.Length / Tags];
        for (int i = 0; i < logits.Length; i++)
        {
            bool present = IsPresent(i);
            var wrong = present ? -logits[i] : logits[i];
            var ofTag = present || Margin == 0
                ? T.Pow(Sigmoid(wrong), Gamma<T>(present)) * Softplus(wrong)
                : T.Pow(Shifted(wrong), Gamma<T>(present)) * -T.LogP1(-Shifted(wrong));
            loss[i / Tags] += stored?.Invoke(ofTag) ?? ofTag;
        }
        return loss;
    }

    /// <summary>Gradient of the sum of all rows' losses.</summary>
    public T[] Backward<T>(T[] logits) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dLogits = new T[logits.Length];
        for (int i = 0; i < logits.Length; i++)
        {
            bool present = IsPresent(i);
            T wrong = present ? -logits[i] : logits[i], gamma = Gamma<T>(present), p = Sigmoid(wrong);
            var slope = T.Pow(p, gamma) * (gamma * Sigmoid(-wrong) * Softplus(wrong) + p);
            if (!present && Margin != 0)
            {
                var shifted = Shifted(wrong);
                slope = shifted <= T.Zero ? T.Zero
                    : T.Pow(shifted, gamma) * (gamma * -T.LogP1(-shifted) / shifted + T.One / (T.One - shifted)) * p * Sigmoid(-wrong);
            }
            dLogits[i] = present ? -slope : slope;
        }
        return dLogits;
    }

    private static T Softplus<T>(T x) where T : struct, IBinaryFloatingPointIeee754<T> => T.Max(x, T.Zero) + T.LogP1(T.Exp(-T.Abs(x)));

    private static T Sigmoid<T>(T x) where T : struct, IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));

    private T Shifted<T>(T wrong) where T : struct, IBinaryFloatingPointIeee754<T> => T.Max(Sigmoid(wrong) - T.CreateChecked(Margin), T.Zero);

    private T Gamma<T>(bool present) where T : struct, IBinaryFloatingPointIeee754<T> => T.CreateChecked(present ? PositiveGamma : NegativeGamma);

    internal bool IsPresent(int element)
    {
        int video = element / Tags % Videos, tag = element % Tags;
        return (Labels[video * TagLossKernels.Words(Tags) + tag / TagLossKernels.WordBits] >> (tag % TagLossKernels.WordBits) & 1) != 0;
    }
}

/// <summary>The plain formulas of the consistency: mixture [rows, tags], experts [experts, rows, tags].</summary>
/// <param name="Tags">Tags of a row.</param>
/// <param name="Sharpness">1 / temperature.</param>
/// <param name="Epsilon">Added to probabilities inside logarithms.</param>
public sealed record ConsistencyReference(int Tags, float Sharpness, float Epsilon)
{
    /// <summary>
    /// Loss of each row. The plain version stores probabilities, logarithms and products as tensors, which
    /// <paramref name="stored"/> rounds.
    /// </summary>
    public T[] Forward<T>(T[] mixture, T[] experts, Func<T, T>? stored = null) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        stored ??= static x => x;
        T[] p = Probabilities(mixture, stored), q = Probabilities(experts, stored);
        var loss = new T[mixture.Length / Tags];
        for (int i = 0; i < q.Length; i++)
        {
            int at = i % p.Length;
            loss[at / Tags] += stored(p[at] * (Log(p[at], stored) - Log(q[i], stored)));
        }
        return loss;
    }

    /// <summary>Gradients of the sum of all rows' losses.</summary>
    public (T[] Mixture, T[] Experts) Backward<T>(T[] mixture, T[] experts, Func<T, T>? stored = null) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        stored ??= static x => x;
        T[] p = Probabilities(mixture, stored), q = Probabilities(experts, stored);
        T[] dP = new T[p.Length], dQ = new T[q.Length];
        T epsilon = T.CreateChecked(Epsilon), sharpness = T.CreateChecked(Sharpness);
        for (int i = 0; i < q.Length; i++)
        {
            int at = i % p.Length;
            dP[at] += stored(Log(p[at], stored) - Log(q[i], stored) + p[at] / (p[at] + epsilon));
            dQ[i] = stored(-p[at] / (q[i] + epsilon));
        }
        return (SoftmaxReference.Backward(p, dP, Tags, sharpness), SoftmaxReference.Backward(q, dQ, Tags, sharpness));
    }

    private T[] Probabilities<T>(T[] logits, Func<T, T> stored) where T : struct, IBinaryFloatingPointIeee754<T> =>
        Array.ConvertAll(SoftmaxReference.Forward(logits, Tags, T.CreateChecked(Sharpness)), value => stored(value));

    private T Log<T>(T probability, Func<T, T> stored) where T : struct, IBinaryFloatingPointIeee754<T> =>
        stored(T.Log(probability + T.CreateChecked(Epsilon)));
}
