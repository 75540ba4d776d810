using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Optimizers;

/// <summary>A parameter of an optimizer's check.</summary>
/// <param name="Count">Its elements.</param>
/// <param name="Group">Its group.</param>
/// <param name="Decays">Whether it decays.</param>
/// <param name="Waits">Whether the launch does not update it.</param>
internal readonly record struct CheckParameter(int Count, int Group = 0, bool Decays = true, bool Waits = false);

/// <summary>
/// The parameters of an optimizer's check: weights and gradients in a flat block with gaps, and groups whose rates and
/// decays differ. Gradients lie as in the flat block, which is one part; or apart, in reverse order, a part for each
/// parameter.
/// </summary>
internal sealed unsafe class ParameterBlockCheck
{
    private const int Gap = 16; // parameters begin at multiples of it
    private const float Rate = 1e-2f, Decay = 1e-2f;

    private readonly CheckParameter[] _parameters;
    private readonly int[] _offsets, _gradientOffsets; // of each parameter, and then the size
    private readonly int[] _firstChunks;
    private readonly bool _isApart;
    private readonly CheckBuffer _weights, _gradients, _scalars, _starts, _groups, _keptGroups, _nonFinite;
    private readonly CheckBuffer? _copies, _factor, _sums;

    public ParameterBlockCheck(CheckParameter[] parameters, bool apart = false, bool copied = false, bool limited = false)
    {
        (_parameters, _isApart) = (parameters, apart);
        List<int> offsets = [0], starts = [], groups = [], firsts = [];
        foreach (var (count, group, decays, _) in parameters)
        {
            firsts.Add(starts.Count);
            int end = offsets[^1] + RoundUp(count);
            for (int start = offsets[^1]; start < end; start += ParameterBlock.ChunkElements)
            {
                starts.Add(start);
                groups.Add(decays ? group : ~group);
            }
            offsets.Add(end);
        }
        firsts.Add(starts.Count);
        starts.Add(offsets[^1]);
        (_offsets, _firstChunks) = ([.. offsets], [.. firsts]);
        _gradientOffsets = apart ? [.. offsets[1..].Select(end => Size - end), Size] : _offsets;
        Builder = new CheckBuilder(seed: 5, ElementType.BFloat16); // of the copies
        var scalars = new StepScalars { Step = 7 };
        for (int group = 0; group < StepScalars.MaxGroups; group++)
            (scalars.Rates[group], scalars.Decays[group]) = (RateOf(group), DecayOf(group));
        _weights = Builder.InOut("weights", Size);
        _gradients = Builder.Input("gradients", Size);
        _scalars = Builder.Input("scalars", new Span<float>(&scalars, sizeof(StepScalars) / sizeof(float)).ToArray());
        _starts = Builder.Integers("chunkStarts", [.. starts]);
        _groups = Builder.Integers("chunkGroups", [.. groups]);
        _keptGroups = Builder.Integers("chunkGroups without decay", [.. groups.Select(static group => group < 0 ? group : ~group)]);
        _nonFinite = Builder.Workspace("firstNonFinite", 2L * groups.Count);
        _copies = copied ? Builder.ValueInOut("copies", Size) : null;
        _factor = limited ? Builder.Input("factor", [0.3f]) : null;
        _sums = limited ? null : Builder.Workspace("chunkSums", 2L * groups.Count);
    }

    /// <summary>
    /// Odd counts, counts above a chunk, several groups, parameters that do not decay, parameters of one launch and of
    /// several, with and without copies and a factor.
    /// </summary>
    public static IEnumerable<(string Name, ParameterBlockCheck Block)> Cases =>
    [
        ("1 element", new([new(1)])), ("odd count", new([new(37)])), ("2 groups", new([new(64), new(67, Group: 1)])),
        ("whole chunks", new([new(2 * ParameterBlock.ChunkElements)])),
        ("5 groups", new([new(16), new(32, 1, Decays: false), new(4048, 3), new(4100, 4), new(21, 5, Decays: false)])),
        ("with copies", new([new(64), new(4139, 1)], copied: true)), ("with a factor", new([new(20), new(44, 0, Decays: false), new(4139, 1)], limited: true)),
        ("apart", new([new(5), new(9000, 2), new(1, 2, Decays: false)], apart: true, copied: true)),
        ("apart, one waits", new([new(3), new(4099, 1, Waits: true), new(4099, 1)], apart: true, copied: true)),
        ("the most parts", new([.. Enumerable.Range(0, ParameterBlock.MaxParts).Select(static i => new CheckParameter(7 + i, i % 3, Decays: i % 2 == 0))], apart: true)),
    ];

    public CheckBuilder Builder { get; }

    public int Size => _offsets[^1];

    // Valid during the launch only.
    public ParameterBlock Parameters(bool decays = false)
    {
        var block = new ParameterBlock
        {
            Weights = _weights.Floats, Scalars = (StepScalars*)_scalars.Address, ChunkStarts = _starts.Ints, ChunkGroups = (decays ? _groups : _keptGroups).Ints,
            Factor = _factor == null ? null : _factor.Floats, ChunkSums = _sums == null ? null : (double*)_sums.Address,
            FirstNonFinite = (ulong*)_nonFinite.Address, Copies = _copies == null ? null : _copies.Values,
        };
        if (!_isApart)
            block.Add(_gradients.Floats, 0, _firstChunks[^1], Size);
        foreach (int i in Updated().Where(_ => _isApart).Reverse())
            block.Add(_gradients.Floats + _gradientOffsets[i], _firstChunks[i], _firstChunks[i + 1] - _firstChunks[i], _parameters[i].Count);
        return block;
    }

    // newWeight(element, weight, gradient, rate, decay) returns the new weight and updates the moments of the element.
    // The gradient includes the factor; the decay is null for an element that does not decay.
    public void Update<T>(CheckValues<T> values, Func<int, T, T, T, T?, T> newWeight) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] w = values["weights"], g = values["gradients"];
        var squares = T.Zero; // counts operations; the kernels' sums are float64, which a buffer of a check is not
        foreach (int i in Updated())
        {
            var (count, group, decays, _) = _parameters[i];
            for (int k = 0; k < (_isApart ? count : _offsets[i + 1] - _offsets[i]); k++) // one part updates gaps, too
            {
                int element = _offsets[i] + k;
                T gradient = g[_gradientOffsets[i] + k], scaled = _factor == null ? gradient : values["factor"][0] * gradient;
                w[element] = newWeight(element, w[element], scaled, T.CreateChecked(RateOf(group)), decays ? T.CreateChecked(DecayOf(group)) : null);
                if (_sums != null)
                    squares += gradient * gradient;
                if (_copies != null)
                    values["copies"][element] = w[element];
            }
        }
    }

    private IEnumerable<int> Updated() => Enumerable.Range(0, _parameters.Length).Where(i => !_parameters[i].Waits);

    private static int RoundUp(int count) => (count + Gap - 1) / Gap * Gap;

    private static float RateOf(int group) => Rate / (1 + group);

    private static float DecayOf(int group) => Decay * group;
}
