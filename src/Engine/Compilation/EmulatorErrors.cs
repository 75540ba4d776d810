using System.Text.RegularExpressions;

namespace VideoSim.Engine.Compilation;

/// <summary>What g++ says about kernels for the emulator, in one line for each error.</summary>
internal static partial class EmulatorErrors
{
    /// <summary>Where the functions are listed that a kernel may use.</summary>
    public const string List = "src/Emulator/README.md lists what a kernel may use";

    private const int Most = 5; // errors after the fifth are mostly its consequences

    /// <summary>The errors in a log, without the compiler's notes, candidates and pieces of source.</summary>
    public static string Summary(string log)
    {
        string[] errors = [.. Lines(log).Distinct()];
        if (errors.Length == 0)
            return log.Trim();
        var shown = errors.Take(Most);
        if (errors.Length > Most)
            shown = shown.Append($"{errors.Length - Most} more errors");
        if (errors.Any(static error => error.EndsWith(NotThere, StringComparison.Ordinal)))
            shown = shown.Append(List);
        return string.Join('\n', shown);
    }

    private const string NotThere = "is not on the emulator";

    private static IEnumerable<string> Lines(string log)
    {
        foreach (string line in log.Split('\n'))
        {
            if (Undefined().Match(line) is { Success: true } undefined)
                yield return $"{undefined.Groups["file"].Value}:{undefined.Groups["line"].Value}: '{undefined.Groups["name"].Value}' {NotThere}";
            else if (Error().Match(line) is { Success: true } error)
                yield return Text(error.Groups["file"].Value, error.Groups["place"].Value, error.Groups["text"].Value);
        }
    }

    private static string Text(string file, string place, string text)
    {
        string? name = Unknown().Match(text) is { Success: true } unknown ? unknown.Groups["name"].Value : null;
        // The end of a unit names the entries of its source.
        if (file.EndsWith(".cpp", StringComparison.Ordinal))
            return name is null ? text : $"{file[..file.LastIndexOf('-')]}.cu has no entry '{name}'";
        return name is null ? $"{file}:{place}: {text}" : $"{file}:{place}: '{name}' {NotThere}";
    }

    // ".../kernels/Dropout.cu:12:5: error: ..."
    [GeneratedRegex(@"^(?:.*/)?(?<file>[^/:]+):(?<place>\d+(?::\d+)?): (?:fatal )?error: (?<text>.*)$")]
    private static partial Regex Error();

    // g++ names what it does not know in several ways.
    [GeneratedRegex(@"^‘(?<name>[^’]+)’ (?:was not declared|has not been declared|does not name a type)|^there are no arguments to ‘(?<name>[^’]+)’|^(?<name>\S+\.h\w*): No such file")]
    private static partial Regex Unknown();

    // "kernels/Dropout.cu:12: undefined reference to `__foo(float)'"
    [GeneratedRegex(@"(?:^|[/ ])(?<file>[^/: ]+):(?<line>\d+): undefined reference to `(?<name>[^'(]+)")]
    private static partial Regex Undefined();
}
