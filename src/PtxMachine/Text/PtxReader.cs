using System.Globalization;
using System.Text.RegularExpressions;

namespace VideoSim.PtxMachine.Text;

/// <summary>Reads PTX as NVRTC writes it: a directive or an instruction in each line, or a label.</summary>
internal sealed partial class PtxReader
{
    private readonly string[] _lines;
    private readonly Dictionary<string, string> _files = [];
    private readonly Dictionary<string, string> _calls = []; // a place as file, line and column, and that of its call
    private int _at;                                         // line to read next, from 0
    private string _place = "";

    /// <summary>Reads a unit.</summary>
    /// <exception cref="PtxException">The text is not PTX.</exception>
    public PtxReader(string text)
    {
        _lines = text.TrimEnd('\0').Split('\n');
        // The files have their numbers at the end of the text.
        foreach (Match file in File().Matches(text))
            _files[file.Groups["number"].Value] = Path.GetFileName(file.Groups["name"].Value);
        while (_at < _lines.Length)
            ReadTopLevel();
        foreach (var entry in Entries)
            DynamicShared.ForEach(name => entry.Shared.Add(name, 128, 0)); // after the static variables
    }

    /// <summary>Kernels of the unit.</summary>
    public List<EntryText> Entries { get; } = [];

    /// <summary>Variables in global and constant memory, with their first values.</summary>
    public Dictionary<string, byte[]> Variables { get; } = [];

    private List<string> DynamicShared { get; } = [];

    private string Next() => _at < _lines.Length ? Comment().Replace(_lines[_at++], "").Trim() : throw Bad("the text ends in the middle");

    private void ReadTopLevel()
    {
        string line = Next();
        if (Entry().Match(line) is { Success: true } entry)
            ReadEntry(new EntryText(entry.Groups["name"].Value), line);
        else if (Variable().Match(line) is { Success: true } variable)
            AddVariable(variable);
        else if (line.StartsWith(".section", StringComparison.Ordinal))
            SkipTo("}");
        else if (line.Contains(".func", StringComparison.Ordinal) && !line.Contains(';'))
            SkipTo(";"); // a declaration, such as that of vprintf
        else if (!TopLevel().IsMatch(line))
            throw Bad($"'{line}' is not understood");
    }

    private void SkipTo(string end)
    {
        while (!Next().EndsWith(end, StringComparison.Ordinal))
        {
        }
    }

    private void AddVariable(Match variable)
    {
        string name = variable.Groups["name"].Value;
        var (alignment, bytes) = SizeOf(variable);
        switch (variable.Groups["space"].Value)
        {
            case "shared" when variable.Groups["extern"].Success:
                DynamicShared.Add(name);
                break;
            case "shared":
                _moduleShared.Add((name, alignment, bytes));
                break;
            default:
                Variables[name] = Values(variable, bytes);
                break;
        }
    }

    private readonly List<(string Name, int Alignment, int Bytes)> _moduleShared = [];

    private static (int Alignment, int Bytes) SizeOf(Match variable)
    {
        int size = PtxType.BytesOf(variable.Groups["type"].Value);
        int count = variable.Groups["count"] is { Success: true, Length: > 0 } number ? int.Parse(number.ValueSpan, CultureInfo.InvariantCulture) : 1;
        return (variable.Groups["align"].Success ? int.Parse(variable.Groups["align"].ValueSpan, CultureInfo.InvariantCulture) : size, size * count);
    }

    // What a variable begins with: "= 8;" or "= {1, 2};", as bytes.
    private static byte[] Values(Match variable, int bytes)
    {
        byte[] values = new byte[bytes];
        int size = PtxType.BytesOf(variable.Groups["type"].Value), offset = 0;
        foreach (Match number in Number().Matches(variable.Groups["values"].Value))
        {
            BitConverter.GetBytes(Literal.Parse(number.Value)!.Value).AsSpan(0, size).CopyTo(values.AsSpan(offset));
            offset += size;
        }
        return values;
    }

    private void ReadEntry(EntryText entry, string line)
    {
        Entries.Add(entry);
        foreach (var (name, alignment, bytes) in _moduleShared)
            entry.Shared.Add(name, alignment, bytes);
        for (; line != "{"; line = Next())
        {
            if (Parameter().Match(line) is { Success: true } parameter)
            {
                var (alignment, bytes) = SizeOf(parameter);
                entry.Parameters.Add(parameter.Groups["name"].Value, alignment, bytes);
            }
            else if (MostThreads().Match(line) is { Success: true } bound)
            {
                entry.MostThreads = bound.Groups["size"].Captures.Aggregate(1, static (product, size) => product * int.Parse(size.ValueSpan, CultureInfo.InvariantCulture));
            }
        }
        _place = "";
        for (int depth = 1; depth > 0;)
            depth += ReadStatement(entry);
    }

    // Returns 1 for an opening brace, -1 for a closing one.
    private int ReadStatement(EntryText entry)
    {
        string line = Next();
        int number = _at;
        if (line is "{" or "}")
            return line == "{" ? 1 : -1;
        if (line.Length == 0 || line.StartsWith(".pragma", StringComparison.Ordinal))
            return 0;
        if (Location().Match(line) is { Success: true } location)
            SetPlace(location);
        else if (Register().Match(line) is { Success: true } register)
            entry.Registers[register.Groups["name"].Value] = register.Groups["type"].Value;
        else if (Variable().Match(line) is { Success: true } variable)
            (variable.Groups["space"].Value == "local" ? entry.Local : entry.Shared).Add(variable.Groups["name"].Value, SizeOf(variable).Alignment, SizeOf(variable).Bytes);
        else if (line.EndsWith(':'))
            entry.Labels[line[..^1]] = entry.Statements.Count;
        else
            AddStatement(entry, line, number);
        return 0;
    }

    private void AddStatement(EntryText entry, string line, int number)
    {
        while (!line.Contains(';')) // a call has several lines
            line += " " + Next();
        if (Instruction().Match(line) is not { Success: true } match)
            throw Bad($"'{line}' is not understood");
        var guard = match.Groups["guard"];
        entry.Statements.Add(new Statement(match.Groups["opcode"].Value, [.. Operands(match.Groups["operands"].Value)],
            guard.Success ? guard.Value : null, match.Groups["not"].Length > 0, number, _place));
    }

    // Splits at commas outside of brackets.
    private static IEnumerable<string> Operands(string text)
    {
        int depth = 0, from = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                if (text[from..i].Trim() is { Length: > 0 } operand)
                    yield return operand;
                from = i + 1;
            }
            else
            {
                depth += text[i] is '{' or '[' or '(' ? 1 : text[i] is '}' or ']' or ')' ? -1 : 0;
            }
        }
    }

    // Code of a function that NVRTC put into its caller has the place of the call, which may have a caller itself.
    private void SetPlace(Match location)
    {
        string at = location.Groups["at"].Value;
        _calls.Remove(at);
        if (location.Groups["call"].Success)
            _calls[at] = location.Groups["call"].Value;
        var chain = new List<string>();
        for (string? place = at; place is not null && !chain.Contains(place); place = _calls.GetValueOrDefault(place))
            chain.Add(place);
        _place = string.Join(" called from ", chain.Select(place => place.Split(' ')).Select(parts => $"{_files.GetValueOrDefault(parts[0], "?")}:{parts[1]}"));
    }

    private PtxException Bad(string problem) => new($"line {_at} of the PTX: {problem}");

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comment();

    [GeneratedRegex("""^\s*\.file\s+(?<number>\d+)\s+"(?<name>[^"]*)\x22""", RegexOptions.Multiline)]
    private static partial Regex File();

    [GeneratedRegex(@"^$|^\.(version|target|address_size|file)\b")]
    private static partial Regex TopLevel();

    [GeneratedRegex(@"^(\.visible )?\.entry (?<name>\w+)\(")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^(?<extern>\.extern )?(\.visible |\.weak )?\.(?<space>shared|global|const|local)\s+(\.align (?<align>\d+) )?\.(?<type>\w+)\s+(?<name>[\w$]+)(\[(?<count>\d*)\])?\s*(=\s*(?<values>.*))?;$")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\.param (\.align (?<align>\d+) )?\.(?<type>\w+) (?<name>\w+)(\[(?<count>\d+)\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^\.maxntid (?<size>\d+)(, (?<size>\d+))*")]
    private static partial Regex MostThreads();

    [GeneratedRegex(@"^\.reg \.(?<type>\w+)\s+(?<name>%\w+?)(<\d+>)?;$")]
    private static partial Regex Register();

    [GeneratedRegex(@"^\.loc\s+(?<at>\d+ \d+ \d+)(, function_name \S+, inlined_at (?<call>\d+ \d+ \d+))?")]
    private static partial Regex Location();

    [GeneratedRegex(@"^(@(?<not>!?)(?<guard>%\w+)\s+)?(?<opcode>[a-z][\w.:]*)\s*(?<operands>[^;]*);$")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"[\w-]+")]
    private static partial Regex Number();
}
