using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: logits [rows, tags], labels as bits [videos, words].</summary>
/// <param name="Labels">Bits of the tags that are present.</param>
/// <param name="Videos">Rows of labels.</param>
/// <param name="Tags">Tags of a row.</param>
/// <param name="PositiveGamma">Focusing exponent of present tags.</param>
/// <param name="NegativeGamma">Focusing exponent of absent tags.</param>
/// <param name="Margin">Taken off the probability of absent tags.</param>
public sealed record TagLossReference(int[] Labels, int Videos, int Tags, float PositiveGamma = 0, float NegativeGamma = 0, float Margin = 0)
{
    /// <summary>Loss of each row.</summary>
    public T[] Forward<T>(T[] logits) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var loss = new T[logits.Length / Tags];
        for (int i = 0; i < logits.Length; i++)
        {
            bool present = IsPresent(i);
            T wrong = present ? -logits[i] : logits[i];
            loss[i / Tags] += present || Margin == 0
                ? T.Pow(Sigmoid(wrong), Gamma<T>(present)) * Softplus(wrong)
                : T.Pow(Shifted(wrong), Gamma<T>(present)) * -T.LogP1(-Shifted(wrong));
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
            T slope = T.Pow(p, gamma) * (gamma * Sigmoid(-wrong) * Softplus(wrong) + p);
            if (!present && Margin != 0)
            {
                T shifted = Shifted(wrong);
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

    private bool IsPresent(int element)
    {
        int video = element / Tags % Videos, tag = element % Tags;
        return (Labels[video * TagLoss.Words(Tags) + tag / TagLoss.WordBits] >> (tag % TagLoss.WordBits) & 1) != 0;
    }
}

/// <summary>Checks of <see cref="TagLoss"/>.</summary>
public static unsafe class TagLossChecks
{
    private static readonly (int Rows, int Videos, int Tags, float Size)[] Shapes =
        [(1, 1, 1, 2), (6, 2, 9, 3), (3, 3, 32, 3), (3, 1, 71, 3), (2, 1, 40, 60), (0, 0, 5, 1), (3, 2, 301, 4)];

    // Cross-entropy, the published asymmetric loss, and the paper's.
    private static readonly (float PositiveGamma, float NegativeGamma, float Margin)[] Focuses = [(0, 0, 0), (0, 1, 0), (1, 4, 0.05f)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(TagLoss.Forward, static () => from shape in Shapes from focus in Focuses select Case(shape, focus, backward: false, 0)),
        new(TagLoss.Backward, static () => from shape in Shapes from focus in Focuses from add in new[] { 0, 1 } select Case(shape, focus, backward: true, add)),
    ];

    private static CheckCase Case((int Rows, int Videos, int Tags, float Size) shape, (float PositiveGamma, float NegativeGamma, float Margin) focus, bool backward, int add)
    {
        var (rows, videos, tags, size) = shape;
        var (positiveGamma, negativeGamma, margin) = focus;
        const float scale = 0.3f;
        var builder = new CheckBuilder((ulong)(rows + 10 * tags));
        var logits = builder.Input("logits", rows * tags, -size, size);
        // Bits past the last tag are set at random too: nobody may read them.
        var labels = builder.Integers("labels", [.. Enumerable.Range(0, videos * TagLoss.Words(tags)).Select(i => (int)Philox.Bits(3, 0, 0, i))]);
        var loss = builder.Output("loss", backward ? 0 : rows);
        var dLogits = builder.Gradient("dLogits", backward ? rows * tags : 0, add);
        return builder.Build($"{rows} rows, {videos} videos, {tags} tags, logits to {size}, focus {focus}, add {add}", launcher =>
        {
            if (backward)
            {
                launcher.Run(TagLoss.Backward, new TagLossGradArgs
                {
                    Logits = logits.Floats, Labels = (uint*)labels.Address, dLogits = dLogits.Floats,
                    Rows = rows, Videos = videos, C = tags, PositiveGamma = positiveGamma, NegativeGamma = negativeGamma, Margin = margin, Scale = scale, Add = add,
                });
                return;
            }
            launcher.Run(TagLoss.Forward, new TagLossArgs
            {
                Logits = logits.Floats, Labels = (uint*)labels.Address, Loss = loss.Floats, Rows = rows, Videos = videos, C = tags,
                PositiveGamma = positiveGamma, NegativeGamma = negativeGamma, Margin = margin,
            });
        }, new Reference(focus, videos, tags, scale, backward, add), backward ? 3 : 2);
    }

    private sealed class Reference((float Positive, float Negative, float Margin) focus, int videos, int tags, float scale, bool backward, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var plain = new TagLossReference(values.Ints("labels"), videos, tags, focus.Positive, focus.Negative, focus.Margin);
            if (backward)
                values.Deliver("dLogits", [.. plain.Backward(values["logits"]).Select(d => d * T.CreateChecked(scale))], add);
            else
                plain.Forward(values["logits"]).CopyTo(values["loss"], 0);
        }
    }
}
