using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: logits [rows, tags], labels as bits [videos, words].</summary>
public static class TagLossReference
{
    /// <summary>Loss of each row.</summary>
    public static T[] Forward<T>(T[] logits, int[] labels, int videos, int tags) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var loss = new T[logits.Length / tags];
        for (int i = 0; i < logits.Length; i++)
        {
            T wrong = IsPresent(i, labels, videos, tags) ? -logits[i] : logits[i];
            loss[i / tags] += T.Max(wrong, T.Zero) + T.LogP1(T.Exp(-T.Abs(wrong)));
        }
        return loss;
    }

    /// <summary>Gradient of the sum of all rows' losses.</summary>
    public static T[] Backward<T>(T[] logits, int[] labels, int videos, int tags) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dLogits = new T[logits.Length];
        for (int i = 0; i < logits.Length; i++)
            dLogits[i] = IsPresent(i, labels, videos, tags) ? -T.One / (T.One + T.Exp(logits[i])) : T.One / (T.One + T.Exp(-logits[i]));
        return dLogits;
    }

    private static bool IsPresent(int element, int[] labels, int videos, int tags)
    {
        int video = element / tags % videos, tag = element % tags;
        return (labels[video * TagLoss.Words(tags) + tag / TagLoss.WordBits] >> (tag % TagLoss.WordBits) & 1) != 0;
    }
}

/// <summary>Checks of <see cref="TagLoss"/>.</summary>
public static unsafe class TagLossChecks
{
    private static readonly (int Rows, int Videos, int Tags, float Size)[] Shapes =
        [(1, 1, 1, 2), (6, 2, 9, 3), (3, 3, 32, 3), (3, 1, 71, 3), (2, 1, 40, 60), (0, 0, 5, 1)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(TagLoss.Forward, static () => Shapes.Select(shape => Case(shape.Rows, shape.Videos, shape.Tags, shape.Size, backward: false, 0))),
        new(TagLoss.Backward, static () =>
            from shape in Shapes from add in new[] { 0, 1 } select Case(shape.Rows, shape.Videos, shape.Tags, shape.Size, backward: true, add)),
    ];

    private static CheckCase Case(int rows, int videos, int tags, float size, bool backward, int add)
    {
        const float scale = 0.3f;
        var builder = new CheckBuilder((ulong)(rows + 10 * tags));
        var logits = builder.Input("logits", rows * tags, -size, size);
        // Bits past the last tag are set at random too: nobody may read them.
        var labels = builder.Integers("labels", [.. Enumerable.Range(0, videos * TagLoss.Words(tags)).Select(i => (int)Philox.Bits(3, 0, 0, i))]);
        var loss = builder.Output("loss", backward ? 0 : rows);
        var dLogits = builder.Gradient("dLogits", backward ? rows * tags : 0, add);
        return builder.Build($"{rows} rows, {videos} videos, {tags} tags, logits to {size}, add {add}", launcher =>
        {
            if (backward)
            {
                launcher.Run(TagLoss.Backward, new TagLossGradArgs
                {
                    Logits = logits.Floats, Labels = (uint*)labels.Address, dLogits = dLogits.Floats,
                    Rows = rows, Videos = videos, C = tags, Scale = scale, Add = add,
                });
                return;
            }
            launcher.Run(TagLoss.Forward, new TagLossArgs
            {
                Logits = logits.Floats, Labels = (uint*)labels.Address, Loss = loss.Floats, Rows = rows, Videos = videos, C = tags,
            });
        }, new Reference(videos, tags, scale, backward, add), backward ? 3 : 2);
    }

    private sealed class Reference(int videos, int tags, float scale, bool backward, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            if (!backward)
            {
                TagLossReference.Forward(values["logits"], values.Ints("labels"), videos, tags).CopyTo(values["loss"], 0);
                return;
            }
            T[] dLogits = TagLossReference.Backward(values["logits"], values.Ints("labels"), videos, tags);
            values.Deliver("dLogits", [.. dLogits.Select(d => d * T.CreateChecked(scale))], add);
        }
    }
}
