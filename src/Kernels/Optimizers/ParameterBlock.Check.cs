using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Optimizers;

/// <summary>The parameters of an optimizer's check: weights, gradients, and groups whose rates and decays differ.</summary>
internal sealed unsafe class ParameterBlockCheck
{
    private const float Rate = 1e-2f, Decay = 1e-2f;

    private readonly int[] _groupEnds;
    private readonly CheckBuffer _weights, _gradients, _scalars, _ends, _nonFinite;
    private readonly CheckBuffer? _copies;

    public ParameterBlockCheck(int[] groupEnds, bool copied)
    {
        _groupEnds = groupEnds;
        Builder = new CheckBuilder(seed: 5, ElementType.BFloat16); // of the copies
        var scalars = new StepScalars { Step = 7 };
        for (int group = 0; group < groupEnds.Length; group++)
            (scalars.Rates[group], scalars.Decays[group]) = (RateOf(group), DecayOf(group));
        _weights = Builder.InOut("weights", Count);
        _gradients = Builder.Input("gradients", Count);
        _scalars = Builder.Input("scalars", new Span<float>(&scalars, sizeof(StepScalars) / sizeof(float)).ToArray());
        _ends = Builder.Integers("groupEnds", groupEnds);
        _nonFinite = Builder.Workspace("firstNonFinite", 2L * ParameterBlock.Chunks(Count));
        _copies = copied ? Builder.ValueOutput("copies", Count) : null;
    }

    /// <summary>Odd counts, counts over a chunk, several groups, one of them empty, with and without copies.</summary>
    public static IEnumerable<(string Name, ParameterBlockCheck Block)> Cases =>
    [
        ("1 element", new([1], copied: false)), ("odd count", new([37], copied: false)), ("2 groups", new([64, 131], copied: false)),
        ("whole chunks", new([2 * ParameterBlock.ChunkElements], copied: false)), ("6 groups, one empty", new([16, 48, 48, 4096, 5008, 9001], copied: false)),
        ("with copies", new([64, 4203], copied: true)),
    ];

    public CheckBuilder Builder { get; }

    public int Count => _groupEnds[^1];

    // While a launch runs.
    public ParameterBlock Parameters => new()
    {
        Weights = _weights.Floats, Gradients = _gradients.Floats, Scalars = (StepScalars*)_scalars.Address, GroupEnds = _ends.Ints,
        FirstNonFinite = (ulong*)_nonFinite.Address, Copies = _copies == null ? null : _copies.Values, Count = Count, Groups = _groupEnds.Length,
    };

    // newWeight(element, weight, gradient, rate, decay), and what the rule keeps of the element.
    public void Update<T>(CheckValues<T> values, Func<int, T, T, T, T, T> newWeight) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] w = values["weights"], g = values["gradients"];
        for (int i = 0, group = 0; i < w.Length; i++)
        {
            while (i >= _groupEnds[group])
                group++;
            w[i] = newWeight(i, w[i], g[i], T.CreateChecked(RateOf(group)), T.CreateChecked(DecayOf(group)));
        }
        if (_copies != null)
            w.CopyTo(values["copies"], 0);
    }

    private static float RateOf(int group) => Rate / (1 + group);

    private static float DecayOf(int group) => Decay * group;
}
