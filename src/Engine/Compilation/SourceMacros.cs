using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// The macros of kernel sources with values that may be chosen: those that C# lists as <see cref="Kernel.Tunables"/>,
/// and those that the <c>.cu</c> file itself defines between <c>#ifndef NAME</c> and <c>#endif</c>.
/// </summary>
public static partial class SourceMacros
{
    /// <summary>The macros of a kernel's source, with their default values.</summary>
    /// <param name="kernel">A kernel with a CUDA source.</param>
    /// <param name="sources">The sources.</param>
    public static SortedDictionary<string, int> Of(Kernel kernel, KernelSources sources)
    {
        var macros = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var tunable in kernel.Tunables)
            macros[tunable.Name] = tunable.Default;
        foreach (Match guarded in Guarded().Matches(sources[kernel.Source!]))
        {
            string name = guarded.Groups["name"].Value;
            if (!kernel.Defines.Any(define => IsOf(define, name)) && int.TryParse(guarded.Groups["value"].ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
                macros[name] = value;
        }
        return macros;
    }

    /// <summary>Whether a macro may have a value: the launch shape divides by those that it reads.</summary>
    /// <exception cref="DataException">It may not; the message gives the reason.</exception>
    public static void Require(Kernel kernel, string name, int value)
    {
        if (value < 1 && kernel.Tunables.Any(tunable => tunable.Name == name))
            throw new DataException($"{name}={value}: must be at least 1, because the launch shape depends on it");
    }

    /// <summary>One line that tells which macros the sources of kernels have, and how to get another one.</summary>
    /// <param name="kernels">Kernels with a CUDA source, at least one.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="name">The macro that they do not have.</param>
    public static string Advice(IReadOnlyList<Kernel> kernels, KernelSources sources, string name)
    {
        var files = kernels.GroupBy(static kernel => kernel.Source!).Select(group => (Source: group.Key, Macros: group.SelectMany(kernel => Of(kernel, sources)).DistinctBy(static macro => macro.Key).ToList())).ToList();
        string known = string.Join("; ", files.Select(static file => file.Macros.Count == 0 ? $"{file.Source} has none" : $"{file.Source} has {string.Join(", ", file.Macros.Select(static macro => $"{macro.Key}={macro.Value}"))}"));
        string advice = kernels.FirstOrDefault(kernel => IsPassed(kernel, name)) is { } passed ? $"; C# passes {name} to {passed.Source} as a fixed value: make it one of the Tunables of its KernelFile"
            : files.FirstOrDefault(file => Regex.IsMatch(sources[file.Source], $@"^\s*#\s*define\s+{Regex.Escape(name)}\b", RegexOptions.Multiline)).Source is { } defines ? $"; {defines} always defines {name}: put '#ifndef {name}' before that line and '#endif' after it"
            : "";
        return $"no source has a tunable macro {name}: {known}{advice}";
    }

    private static bool IsPassed(Kernel kernel, string name) => kernel.Defines.Any(define => IsOf(define, name)) && kernel.Tunables.All(tunable => tunable.Name != name);

    private static bool IsOf(string define, string name) => define.StartsWith($"{name}=", StringComparison.Ordinal);

    [GeneratedRegex(@"^[ \t]*#[ \t]*ifndef[ \t]+(?<name>\w+)[ \t]*\r?\n[ \t]*#[ \t]*define[ \t]+\k<name>[ \t]+(?<value>-?\d+)[ \t\r]*$", RegexOptions.Multiline)]
    private static partial Regex Guarded();
}
