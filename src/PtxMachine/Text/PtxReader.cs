using System.Numerics;
using System.Text.RegularExpressions;

namespace VideoSim.PtxMachine.Text;

/// <summary>Reads PTX as NVRTC writes it: a directive or an instruction in each line, or a label.</summary>
internal sealed partial class PtxReader
{
    // Bytes of a block, a thread and a kernel are those of a GPU. The other limits keep a wrong text from using much
    // memory or time.
    private const int MostShared = 227 << 10, MostLocal = 512 << 10, MostParameters = 32764, MostVariables = 64 << 20;
    private const int MostAlignment = 128, MostRegisters = 1 << 20, MostOfModule = 256, MostLinesOfStatement = 64, MostCalls = 16;

    private readonly string[] _lines;
    private readonly Dictionary<string, string> _files = [];
    private readonly Dictionary<string, string> _calls = []; // a place as file, line and column, and that of its call
    private int _at;                                         // line to read next, from 0
    private string _place = "";
    private int _variableBytes;

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
            SkipTo("}", line);
        else if (line.Contains(".func", StringComparison.Ordinal) && !line.Contains(';'))
            SkipTo(";", line); // a declaration, such as that of vprintf
        else if (!TopLevel().IsMatch(line))
            throw Bad($"'{line}' is not understood");
    }

    private void SkipTo(string end, string line)
    {
        while (!line.EndsWith(end, StringComparison.Ordinal))
            line = Next();
    }

    private void AddVariable(Match variable)
    {
        string name = variable.Groups["name"].Value;
        var (alignment, bytes) = SizeOf(variable);
        switch (variable.Groups["space"].Value, variable.Groups["extern"].Success)
        {
            case ("shared", true) when DynamicShared.Count < MostOfModule:
                DynamicShared.Add(name);
                break;
            case ("shared", false) when _moduleShared.Count < MostOfModule:
                _moduleShared.Add((name, alignment, bytes));
                break;
            case ("const" or "global", false) when (_variableBytes += bytes) <= MostVariables && !Variables.ContainsKey(name):
                Variables[name] = Values(variable, bytes);
                break;
            default:
                throw Bad($"the variable {name} cannot be there");
        }
    }

    private readonly List<(string Name, int Alignment, int Bytes)> _moduleShared = [];

    private (int Alignment, int Bytes) SizeOf(Match variable)
    {
        string type = variable.Groups["type"].Value;
        int size = TypeOf(type).Bytes;
        int count = variable.Groups["count"] is { Success: true, Length: > 0 } number ? Number(number, MostVariables / size) : 1;
        int alignment = variable.Groups["align"].Success ? Number(variable.Groups["align"], MostAlignment) : size;
        return BitOperations.IsPow2(alignment) ? (alignment, size * count) : throw Bad($"an alignment of {alignment}");
    }

    private PtxType TypeOf(string name) => PtxType.All.GetValueOrDefault(name) ?? throw Bad($"type .{name} is unknown");

    private int Number(Capture text, int most) => Literal.Parse(text.Value) is { } value && value <= (ulong)most ? (int)value : throw Bad($"{text.Value} is more than {most}");

    private void Add(Layout layout, int most, Match variable)
    {
        string name = variable.Groups["name"].Value;
        var (alignment, bytes) = SizeOf(variable);
        if (layout.OffsetOf(name) is not null)
            throw Bad($"{name} is there twice");
        if (layout.Add(name, alignment, bytes) + bytes > most)
            throw Bad($"{name} ends behind the {most} bytes that there are");
    }

    // What a variable begins with: "= 8;" or "= {1, 2};", as bytes.
    private byte[] Values(Match variable, int bytes)
    {
        byte[] values = new byte[bytes];
        int size = TypeOf(variable.Groups["type"].Value).Bytes, offset = 0;
        foreach (Match number in Word().Matches(variable.Groups["values"].Value))
        {
            if (Literal.Parse(number.Value) is not { } value || offset + size > bytes)
                throw Bad($"'{number.Value}' is no value of {variable.Groups["name"].Value}");
            BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(values.AsSpan(offset));
            offset += size;
        }
        return values;
    }

    private void ReadEntry(EntryText entry, string line)
    {
        if (Entries.Exists(other => other.Name == entry.Name))
            throw Bad($"{entry.Name} is there twice");
        Entries.Add(entry);
        foreach (var (name, alignment, bytes) in _moduleShared)
            entry.Shared.Add(name, alignment, bytes);
        for (line = Entry().Replace(line, ""); line != "{"; line = Next())
        {
            if (Parameter().Match(line) is { Success: true } parameter)
                Add(entry.Parameters, MostParameters, parameter);
            else if (MostThreads().Match(line) is { Success: true } bound)
                entry.MostThreads = bound.Groups["size"].Captures.Aggregate(1, (product, size) => Math.Min(1024, product * Number(size, 1024)));
            else if (!Header().IsMatch(line))
                throw Bad($"'{line}' is not understood");
        }
        _place = "";
        for (int depth = 1; depth > 0;)
            depth += ReadStatement(entry);
        if (entry.Statements.Count == 0)
            throw Bad($"{entry.Name} has no instruction");
    }

    // Returns 1 for an opening brace, -1 for a closing one.
    private int ReadStatement(EntryText entry)
    {
        string line = Next();
        int number = _at;
        if (line is "{" or "}")
            return line == "{" ? 1 : -1;
        // The variables of a call are left out: the machine has no calls, and says so by name.
        if (line.Length == 0 || line.StartsWith(".pragma", StringComparison.Ordinal) || line.StartsWith(".param", StringComparison.Ordinal))
            return 0;
        if (Location().Match(line) is { Success: true } location)
            SetPlace(location);
        else if (Register().Match(line) is { Success: true } register)
            AddRegisters(entry, register);
        else if (Variable().Match(line) is { Success: true } variable && variable.Groups["space"].Value is "local" or "shared")
            Add(variable.Groups["space"].Value == "local" ? entry.Local : entry.Shared, variable.Groups["space"].Value == "local" ? MostLocal : MostShared, variable);
        else if (!line.EndsWith(':'))
            AddStatement(entry, line, number);
        else if (!entry.Labels.TryAdd(line[..^1], entry.Statements.Count))
            throw Bad($"the label {line} is there twice");
        return 0;
    }

    private void AddRegisters(EntryText entry, Match register)
    {
        string name = register.Groups["name"].Value, type = register.Groups["type"].Value;
        int bits = type == "pred" ? 1 : TypeOf(type).RegisterBits;
        var registers = (bits, register.Groups["count"].Success ? Number(register.Groups["count"], MostRegisters) : (int?)null);
        if (!entry.Registers.TryAdd(name, registers) && entry.Registers[name] != registers)
            throw Bad($"{name} is there twice");
    }

    private void AddStatement(EntryText entry, string line, int number)
    {
        for (int lines = 1; !line.Contains(';') && lines < MostLinesOfStatement; lines++) // a call has several lines
            line += " " + Next();
        if (Instruction().Match(line) is not { Success: true } match)
            throw new PtxException($"line {number} of the PTX: '{(line.Length > 200 ? line[..200] + "..." : line)}' is not understood");
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
        for (string? place = at; place is not null && !chain.Contains(place) && chain.Count < MostCalls; place = _calls.GetValueOrDefault(place))
            chain.Add(place);
        string Name(string file) => _files.TryGetValue(file, out string? name) ? name : throw Bad($"there is no file {file}");
        _place = string.Join(" called from ", chain.Select(place => place.Split(' ')).Select(parts => $"{Name(parts[0])}:{parts[1]}"));
    }

    private PtxException Bad(string problem) => new($"line {_at} of the PTX: {problem}");

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comment();

    [GeneratedRegex("""^[ \t]*\.file\s+(?<number>\d+)\s+"(?<name>[^"]*)\x22""", RegexOptions.Multiline)]
    private static partial Regex File();

    [GeneratedRegex(@"^$|^\.(version|target|address_size|file)\b")]
    private static partial Regex TopLevel();

    [GeneratedRegex(@"^(\.visible )?\.entry (?<name>\w+)\(")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^(?<extern>\.extern )?(\.visible |\.weak )?\.(?<space>shared|global|const|local)\s+(\.align (?<align>\d+) )?\.(?<type>\w+)\s+(?<name>[\w$]+)(\[(?<count>\d*)\])?\s*(=\s*(?<values>.*))?;$")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^\.param (\.align (?<align>\d+) )?\.(?<type>\w+) (?<name>\w+)(\[(?<count>\d+)\])?,?$")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^$|^\)$|^\.(minnctapersm|maxnreg) \d+$")]
    private static partial Regex Header();

    [GeneratedRegex(@"^\.maxntid (?<size>\d+)(, (?<size>\d+)){0,2}$")]
    private static partial Regex MostThreads();

    [GeneratedRegex(@"^\.reg \.(?<type>\w+)\s+(?<name>%?\w+?)(<(?<count>\d+)>)?;$")]
    private static partial Regex Register();

    [GeneratedRegex(@"^\.loc\s+(?<at>\d+ \d+ \d+)(, function_name \S+, inlined_at (?<call>\d+ \d+ \d+))?")]
    private static partial Regex Location();

    [GeneratedRegex(@"^(@(?<not>!?)(?<guard>%\w+)\s+)?(?<opcode>[a-z][\w.:]*)\s*(?<operands>[^;]*);$")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"[\w-]+")]
    private static partial Regex Word();
}
