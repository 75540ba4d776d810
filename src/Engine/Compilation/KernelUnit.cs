using System.Text;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>One source file with one set of macros, which is compiled as a whole, and its kernels.</summary>
/// <param name="Source">Name of the <c>.cu</c> file.</param>
/// <param name="Defines">Macros, as <c>NAME=VALUE</c>.</param>
/// <param name="Kernels">Its entries.</param>
public sealed record KernelUnit(string Source, IReadOnlyList<string> Defines, IReadOnlyList<Kernel> Kernels)
{
    /// <summary>Name for messages and files; units of one source differ by their macros.</summary>
    public string Name => Defines.Count == 0 ? Source : $"{Source} ({string.Join(", ", Defines)})";

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
