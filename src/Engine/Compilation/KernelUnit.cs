using System.Text;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>One source file with one set of macros, which is compiled as a whole, and its kernels.</summary>
/// <param name="Source">Name of the <c>.cu</c> file.</param>
/// <param name="Defines">Macros, as <c>NAME=VALUE</c>.</param>
/// <param name="Kernels">Its entries.</param>
public sealed record KernelUnit(string Source, IReadOnlyList<string> Defines, IReadOnlyList<Kernel> Kernels)
{
    /// <summary>
    /// End of the names that its entries have in compiled code. It tells several builds of one kernel apart. Empty for
    /// the builds of the program itself.
    /// </summary>
    public string Suffix { get; private init; } = "";

    /// <summary>Name for messages and files; units of one source differ by their macros.</summary>
    public string Name => Defines.Count == 0 ? Source : $"{Source} ({string.Join(", ", Defines)})";

    /// <summary>The name of a kernel in the compiled code.</summary>
    public string SymbolOf(Kernel kernel) => kernel.Entry + Suffix;

    /// <summary>The macros for the compiler: <see cref="Defines"/>, and those that rename the entries.</summary>
    internal IEnumerable<string> Macros => Suffix.Length == 0 ? Defines : Defines.Concat(Kernels.Select(kernel => $"{kernel.Entry}={SymbolOf(kernel)}"));

    /// <summary>
    /// The same source with chosen values of macros. Values that are the defaults change nothing: such a unit equals
    /// the program's own, and is compiled once.
    /// </summary>
    /// <param name="variant">Values of macros that the source has (<see cref="SourceMacros"/>).</param>
    /// <param name="set">Name of the set of sources; empty for the program's own.</param>
    public KernelUnit With(Variant variant, string set = "")
    {
        // What C# passes as a fixed value stays: a kernel of another source may be launched with the same variant.
        var fixedNames = Defines.Select(NameOf).Except(Kernels.SelectMany(static kernel => kernel.Tunables).Select(static macro => macro.Name)).ToHashSet();
        string[] chosen = [.. variant.Values.Where(value => !fixedNames.Contains(value.Key)).Select(static value => FormattableString.Invariant($"{value.Key}={value.Value}")).Except(Defines)];
        if (chosen.Length == 0 && set.Length == 0)
            return this;
        var names = chosen.Select(NameOf).ToHashSet();
        string suffix = string.Concat(chosen.Prepend(set).Where(static part => part.Length > 0).Select(static part => $"__{part.Replace('=', '_').Replace('-', 'm')}"));
        return this with { Defines = [.. Defines.Where(define => !names.Contains(NameOf(define))), .. chosen], Suffix = suffix };
    }

    private static string NameOf(string define) => define.Split('=')[0];

    /// <summary>The units of all kernels that have a CUDA source, in order of their first kernel.</summary>
    public static IReadOnlyList<KernelUnit> Group(IEnumerable<Kernel> kernels) =>
    [
        .. kernels.Where(static kernel => kernel.Source is not null).Distinct()
            .GroupBy(static kernel => (kernel.Source, string.Join(' ', kernel.Defines)))
            .Select(static group => new KernelUnit(group.First().Source!, group.First().Defines, [.. group])),
    ];

    /// <summary>
    /// C++ text to append to the source. It does not compile unless the source's argument structs have the layout of
    /// C#.
    /// </summary>
    /// <param name="ofOffsets">Whether to compare the offsets of fields, or only sizes.</param>
    public string LayoutAssertions(bool ofOffsets = true)
    {
        var text = new StringBuilder($"\n#line 1 \"{Source}, argument layout of C#\"\n{ArgumentLayout.OffsetMacro}");
        foreach (string assertions in Kernels.Select(kernel => kernel.Layout.StaticAssertions(ofOffsets)).Distinct())
            text.Append(assertions);
        return text.ToString();
    }
}
