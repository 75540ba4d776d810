using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Optimizers;

/// <summary>
/// The parameters of an optimizer's check: weights, gradients, and groups whose rates and decays differ. The elements
/// of a group that decay come first.
/// </summary>
internal sealed unsafe class ParameterBlockCheck
{
    private const float Rate = 1e-2f, Decay = 1e-2f;

    private readonly int[] _groupEnds, _decayEnds;
    private readonly CheckBuffer _weights, _gradients, _scalars, _ends, _endsOfDecay, _nonFinite;
    private readonly CheckBuffer? _copies, _factor;

    public ParameterBlockCheck(int[] groupEnds, bool copied = false, int[]? decayEnds = null, bool limited = false)
    {
        (_groupEnds, _decayEnds) = (groupEnds, decayEnds ?? groupEnds);
        Builder = new CheckBuilder(seed: 5, ElementType.BFloat16); // of the copies
        var scalars = new StepScalars { Step = 7 };
        for (int group = 0; group < groupEnds.Length; group++)
            (scalars.Rates[group], scalars.Decays[group]) = (RateOf(group), DecayOf(group));
        _weights = Builder.InOut("weights", Count);
        _gradients = Builder.Input("gradients", Count);
        _scalars = Builder.Input("scalars", new Span<float>(&scalars, sizeof(StepScalars) / sizeof(float)).ToArray());
        _ends = Builder.Integers("groupEnds", groupEnds);
        _endsOfDecay = Builder.Integers("decayEnds", _decayEnds);
        _factor = limited ? Builder.Input("factor", [0.3f]) : null;
        _nonFinite = Builder.Workspace("firstNonFinite", 2L * ParameterBlock.Chunks(Count));
        _copies = copied ? Builder.ValueOutput("copies", Count) : null;
    }

    /// <summary>
    /// Odd counts, counts above a chunk, several groups, one of them empty, groups that decay in part, with and
    /// without copies and a factor.
    /// </summary>
    public static IEnumerable<(string Name, ParameterBlockCheck Block)> Cases =>
    [
        ("1 element", new([1])), ("odd count", new([37])), ("2 groups", new([64, 131])),
        ("whole chunks", new([2 * ParameterBlock.ChunkElements])), ("6 groups, one empty", new([16, 48, 48, 4096, 5008, 9001], decayEnds: [16, 16, 48, 80, 4100, 9000])),
        ("with copies", new([64, 4203], copied: true)), ("with a factor", new([64, 4203], decayEnds: [20, 64], limited: true)),
    ];

    public CheckBuilder Builder { get; }

    public int Count => _groupEnds[^1];

    // Valid during the launch only.
    public ParameterBlock Parameters(bool decays = false) => new()
    {
        Weights = _weights.Floats, Gradients = _gradients.Floats, Scalars = (StepScalars*)_scalars.Address, GroupEnds = _ends.Ints,
        DecayEnds = decays ? _endsOfDecay.Ints : null, Factor = _factor == null ? null : _factor.Floats,
        FirstNonFinite = (ulong*)_nonFinite.Address, Copies = _copies == null ? null : _copies.Values, Count = Count, Groups = _groupEnds.Length,
    };

    // newWeight(element, weight, gradient, rate, decay) returns the new weight and updates the moments of the element.
    // The gradient includes the factor; the decay is null for an element that does not decay.
    public void Update<T>(CheckValues<T> values, Func<int, T, T, T, T?, T> newWeight) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] w = values["weights"], g = values["gradients"];
        for (int i = 0, group = 0; i < w.Length; i++)
        {
            while (i >= _groupEnds[group])
                group++;
            var gradient = _factor == null ? g[i] : values["factor"][0] * g[i];
            w[i] = newWeight(i, w[i], gradient, T.CreateChecked(RateOf(group)), i < _decayEnds[group] ? T.CreateChecked(DecayOf(group)) : null);
        }
        if (_copies != null)
            w.CopyTo(values["copies"], 0);
    }

    private static float RateOf(int group) => Rate / (1 + group);

    private static float DecayOf(int group) => Decay * group;
}
