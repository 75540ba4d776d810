using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cli.Commands;

/// <summary>One build of kernels: sources, and values of macros.</summary>
/// <param name="Sources">The sources.</param>
/// <param name="SourcesName">The folder of the sources, or "program".</param>
/// <param name="Variant">Values of macros.</param>
/// <param name="Set">See <see cref="KernelUnit.With"/>.</param>
internal sealed record KernelBuild(KernelSources Sources, string SourcesName, Variant Variant, string Set)
{
    /// <summary>The units of some kernels in this build.</summary>
    public IReadOnlyList<KernelUnit> UnitsOf(IEnumerable<Kernel> kernels) => [.. KernelUnit.Group(kernels).Select(unit => unit.With(Variant, Set))];
}

/// <summary>The options that make several builds of kernels: <c>--define</c> and <c>--against</c>.</summary>
internal sealed class BuildOptions
{
    private const string Program = "program", SecondSet = "against";

    /// <summary>The option for values of macros.</summary>
    public Option<string[]> Define { get; } = CommonOptions.Checked(
        new Option<string[]>("--define")
        {
            HelpName = "NAME=N,N", Description = "integers for a macro of the sources; may be repeated; every combination is one variant", DefaultValueFactory = static _ => [],
        },
        static (texts, _) => Sweep(texts));

    /// <summary>The option for a second set of sources.</summary>
    public Option<string?> Against { get; } = new("--against")
    {
        HelpName = ValueName.Folder, Description = "folder of .cu and .cuh files: a second set of sources to compare with",
    };

    /// <summary>Adds the options.</summary>
    public void AddTo(Command command)
    {
        command.Add(Define);
        command.Add(Against);
    }

    /// <summary>The variants of --define, or the default variant.</summary>
    public VariantSweep Sweep(ParseResult parsed) => Sweep(parsed.GetValue(Define)!);

    /// <summary>The builds that the options name. Those of one variant are neighbours.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="sources">The first set of sources.</param>
    /// <param name="name">Folder of the first set; null or empty for the sources of the program.</param>
    /// <param name="kernels">The named kernels. Those without the macros are left out.</param>
    /// <exception cref="DataException">No kernel has the macros, or there is no such folder.</exception>
    public (Kernel[] Kernels, IReadOnlyList<KernelBuild> Builds) Read(ParseResult parsed, KernelSources sources, string? name, Kernel[] kernels)
    {
        var sweep = Sweep(parsed);
        var second = parsed.GetValue(Against) is { } folder ? (Sources: KernelSources.In(folder), Name: folder) : default;
        if (second.Name is not null)
            kernels = RequireSources(kernels);
        if (sweep.Names.Count > 0)
        {
            kernels = sweep.Fitting(kernels, sources);
            if (second.Name is not null)
                kernels = sweep.Fitting(kernels, second.Sources);
        }
        string first = string.IsNullOrEmpty(name) ? Program : name;
        return (kernels, [.. sweep.Variants.SelectMany(variant => second.Name is null ? [Build(sources, first, "")] : new[] { Build(sources, first, ""), Build(second.Sources, second.Name, SecondSet) },
            static (variant, build) => build with { Variant = variant })]);

        static KernelBuild Build(KernelSources sources, string name, string set) => new(sources, name, Variant.Default, set);
    }

    /// <summary>Whether a kernel's unit is compiled to the same code from two sources, with the same macros.</summary>
    public static bool HaveSameCode(Kernel kernel, Variant variant, IKernelImages first, IKernelImages second, string architecture)
    {
        var unit = KernelUnit.Group(Catalog.Kernels).Single(unit => unit.Kernels.Contains(kernel)).With(variant);
        return first.Compile(unit, architecture).Code.AsSpan().SequenceEqual(second.Compile(unit, architecture).Code);
    }

    private static Kernel[] RequireSources(Kernel[] kernels)
    {
        Kernel[] compiled = [.. kernels.Where(static kernel => kernel.Source is not null)];
        return compiled.Length > 0 ? compiled : throw new DataException($"none of these kernels has a CUDA source: {string.Join(", ", kernels.Select(static kernel => kernel.Entry))}");
    }

    private static VariantSweep Sweep(string[] texts)
    {
        try
        {
            return VariantSweep.Parse(texts);
        }
        catch (DataException e)
        {
            throw new DataException($"--define {e.Message}", e);
        }
    }
}
