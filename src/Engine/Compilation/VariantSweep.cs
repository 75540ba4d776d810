using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>Values of macros to try, and all combinations of them.</summary>
public sealed partial class VariantSweep
{
    /// <summary>The most combinations: each one is compiled.</summary>
    public const int Most = 64;

    private VariantSweep(IReadOnlyList<string> names, IReadOnlyList<Variant> variants) => (Names, Variants) = (names, variants);

    /// <summary>The macros.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>
    /// Every combination, the last macro changing fastest; one default variant if there are no macros.
    /// </summary>
    public IReadOnlyList<Variant> Variants { get; }

    /// <summary>Reads texts such as <c>THREADS=64,128</c>.</summary>
    /// <exception cref="DataException">
    /// A text is not of that form, a name or a value is there twice, or there are more than <see cref="Most"/>
    /// combinations.
    /// </exception>
    public static VariantSweep Parse(IReadOnlyList<string> texts)
    {
        List<KeyValuePair<string, int>[]> all = [[]];
        var names = new List<string>();
        foreach (string text in texts)
        {
            if (Form().Match(text) is not { Success: true } form)
                throw new DataException($"{Printable.Quote(text)} is not a macro with integers, such as THREADS=64,128");
            string name = form.Groups["name"].Value;
            if (names.Contains(name))
                throw new DataException($"{name} is there twice: list all its values after one name");
            names.Add(name);
            string[] words = form.Groups["values"].Value.Split(',');
            int[] values = [.. words.Select(word => int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value
                : throw new DataException($"{name}={Printable.OneLine(word)} is not a number that fits"))];
            if (values.GroupBy(static value => value).FirstOrDefault(static group => group.Count() > 1) is { } twice)
                throw new DataException($"{name}={twice.Key} is there twice");
            if ((long)all.Count * values.Length > Most)
                throw new DataException($"there are more than {Most} combinations, the most that are tried at once");
            all = [.. from before in all from value in values select before.Append(new(name, value)).ToArray()];
        }
        return new(names, [.. all.Select(static values => new Variant(values))]);
    }

    /// <summary>The kernels whose sources have all macros of this sweep.</summary>
    /// <param name="kernels">Kernels to choose from.</param>
    /// <param name="sources">Their sources.</param>
    /// <exception cref="DataException">No kernel has them, or one of the values cannot be.</exception>
    public Kernel[] Fitting(IReadOnlyList<Kernel> kernels, KernelSources sources)
    {
        Kernel[] withSource = [.. kernels.Where(static kernel => kernel.Source is not null)];
        if (withSource.Length == 0)
            throw new DataException($"none of these kernels has a CUDA source: {string.Join(", ", kernels.Select(static kernel => kernel.Entry))}");
        Kernel[] fitting = [.. withSource.Where(kernel => Names.All(SourceMacros.Of(kernel, sources).ContainsKey))];
        if (fitting.Length == 0)
        {
            string? missing = Names.FirstOrDefault(name => !withSource.Any(kernel => SourceMacros.Of(kernel, sources).ContainsKey(name)));
            throw new DataException(missing is null ? $"no source has all of the macros {string.Join(", ", Names)}" : SourceMacros.Advice(withSource, sources, missing));
        }
        foreach (var kernel in fitting)
        {
            foreach (var (name, value) in Variants.SelectMany(static variant => variant.Values))
                SourceMacros.Require(kernel, name, value);
        }
        return fitting;
    }

    [GeneratedRegex(@"\A(?<name>[A-Za-z_][A-Za-z0-9_]*)=(?<values>-?[0-9]+(,-?[0-9]+)*)\z")]
    private static partial Regex Form();
}
