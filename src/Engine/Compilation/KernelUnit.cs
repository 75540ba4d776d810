using System.Text;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>What is compiled at once: one source file under one set of macros, and the kernels that come out of it.</summary>
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

    /// <summary>C++ text that refuses to compile after the source unless its argument structs are laid out as in C#.</summary>
    /// <param name="ofOffsets">Whether that covers the offsets of fields, or sizes alone.</param>
    public string LayoutAssertions(bool ofOffsets = true)
    {
        var text = new StringBuilder($"\n#line 1 \"{Source}, argument layout of C#\"\n{ArgumentLayout.OffsetMacro}");
        foreach (string assertions in Kernels.Select(kernel => kernel.Layout.StaticAssertions(ofOffsets)).Distinct())
            text.Append(assertions);
        return text.ToString();
    }
}
