using System.Text;
using System.Text.RegularExpressions;

namespace VideoSim.Engine.Compilation;

/// <summary>The code of one entry, with the source's lines between: each before the code that it became.</summary>
/// <param name="sources">The sources that were compiled.</param>
public sealed partial class KernelListing(KernelSources sources)
{
    /// <summary>PTX that was compiled with lines.</summary>
    /// <param name="ptx">Text of a unit.</param>
    /// <param name="entry">The kernel.</param>
    public string OfPtx(string ptx, string entry)
    {
        string[] lines = ptx.Split('\n');
        // The files have their numbers at the end of the text.
        var files = lines.Select(static line => File().Match(line)).Where(static match => match.Success)
            .ToDictionary(static match => match.Groups["number"].Value, static match => match.Groups["name"].Value);
        int begin = Array.FindIndex(lines, line => EntryOfPtx().Match(line) is { Success: true } match && match.Groups["name"].Value == entry);
        int end = begin < 0 ? begin : Array.FindIndex(lines, begin, static line => line.StartsWith('}'));
        return end < 0 ? throw new DataException($"the PTX has no entry {entry}")
            : Join(lines[begin..(end + 1)], line => Location().Match(line) is { Success: true } match ? (files.GetValueOrDefault(match.Groups["file"].Value, "?"), int.Parse(match.Groups["line"].ValueSpan)) : null);
    }

    /// <summary>Machine code that was compiled with lines.</summary>
    /// <param name="sass">Text of <see cref="Disassembler.Text"/>.</param>
    /// <param name="entry">The kernel.</param>
    public string OfMachineCode(string sass, string entry)
    {
        string[] lines = sass.Split('\n');
        int begin = Array.FindIndex(lines, line => line.Trim() == $".text.{entry}:");
        if (begin < 0)
            throw new DataException($"the machine code has no entry {entry}");
        int end = Array.FindIndex(lines, begin, static line => line.StartsWith("//-----", StringComparison.Ordinal));
        return Join(lines[(begin + 1)..(end < 0 ? lines.Length : end)], static line => Marker().Match(line) is { Success: true } match ? (match.Groups["file"].Value, int.Parse(match.Groups["line"].ValueSpan)) : null);
    }

    private string Join(IEnumerable<string> code, Func<string, (string File, int Line)?> placeOf)
    {
        var text = new StringBuilder();
        (string File, int Line) shown = default;
        foreach (string line in code)
        {
            if (placeOf(line) is not { } place)
            {
                if (!string.IsNullOrWhiteSpace(line))
                    text.Append(line.TrimEnd()).Append('\n');
            }
            else if (place != shown && TextOf(place) is { } source)
            {
                text.Append($"// {Path.GetFileName(place.File)}:{place.Line}  {source}\n");
                shown = place;
            }
        }
        return text.ToString();
    }

    // Null for line 0, which compilers give to code of no line.
    private string? TextOf((string File, int Line) place)
    {
        string[] lines = sources.Texts.TryGetValue(Path.GetFileName(place.File), out string? text) ? text.Split('\n') : [];
        return place.Line >= 1 && place.Line <= lines.Length ? lines[place.Line - 1].Trim() : null;
    }

    [GeneratedRegex("""^\s*\.file\s+(?<number>\d+) "(?<name>[^"]*)\x22""")]
    private static partial Regex File();

    [GeneratedRegex(@"^\s*\.loc\s+(?<file>\d+) (?<line>\d+)")]
    private static partial Regex Location();

    [GeneratedRegex(@"\.entry\s+(?<name>\w+)")]
    private static partial Regex EntryOfPtx();

    [GeneratedRegex("""^\s*//## File "(?<file>[^"]*)", line (?<line>\d+)""")]
    private static partial Regex Marker();
}
