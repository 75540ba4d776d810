using System.Text.RegularExpressions;

namespace VideoSim.PtxMachine.Text;

/// <summary>Reads PTX as NVRTC writes it: a directive or an instruction in each line, or a label.</summary>
internal sealed partial class PtxReader
{
    // These limits keep a wrong text from using much memory or time.
    private const int MostVariables = 64 << 20, MostAlignment = 128, MostRegisters = 1 << 20, MostOfModule = 256, MostLinesOfStatement = 64, MostCalls = 16;

    private readonly string[] _lines;
    private readonly Dictionary<string, string> _files = [];
    private readonly Dictionary<string, string?> _calls = []; // a place as file, line and column, and that of its call
    private readonly List<Variable> _shared = [];             // of all kernels
    private int _at;                                          // line to read next, from 0
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
        foreach (var variable in _shared.Where(static variable => variable.IsExtern)) // dynamic ones, after the static ones
            Entries.ForEach(entry => entry.Shared.Add(variable.Name, 128, 0));
    }

    private sealed record Variable(string Space, bool IsExtern, string Name, PtxType Type, int Alignment, int Bytes, string Values);

    /// <summary>Kernels of the unit.</summary>
    public List<EntryText> Entries { get; } = [];

    /// <summary>Variables in global and constant memory, with their first values.</summary>
    public Dictionary<string, byte[]> Variables { get; } = [];

    private string Next() => _at < _lines.Length ? _lines[_at++].Split("//")[0].Trim() : throw Bad("the text ends in the middle");

    private void ReadTopLevel()
    {
        string line = Next();
        if (Entry().Match(line) is { Success: true } entry)
            ReadEntry(new EntryText(entry.Groups["name"].Value), Entry().Replace(line, ""));
        else if (VariableOf(line) is { } variable)
            AddVariable(variable);
        else if (line.StartsWith(".section", StringComparison.Ordinal))
            SkipTo("}", line);
        else if (line.Contains(".func", StringComparison.Ordinal) && !line.Contains(';'))
            SkipTo(";", line); // a declaration, such as that of vprintf
        else if (line.Split()[0] is not ("" or ".version" or ".target" or ".address_size" or ".file"))
            throw Bad($"'{line}' is not understood");
    }

    private void SkipTo(string end, string line)
    {
        while (!line.EndsWith(end, StringComparison.Ordinal))
            line = Next();
    }

    private Variable? VariableOf(string line)
    {
        if (Declaration().Match(line) is not { Success: true, Groups: var groups })
            return null;
        var type = TypeOf(groups["type"].Value);
        bool isExtern = groups["extern"].Success;
        int count = groups["count"].Success && !isExtern ? Number(groups["count"], MostVariables / type.Bytes) : 1;
        int alignment = groups["align"].Success ? Number(groups["align"], MostAlignment) : type.Bytes;
        if (!int.IsPow2(alignment))
            throw Bad($"an alignment of {alignment}");
        return new(groups["space"].Value, isExtern, groups["name"].Value, type, alignment, type.Bytes * count, groups["values"].Value);
    }

    private PtxType TypeOf(string name) => PtxType.All.GetValueOrDefault(name) ?? throw Bad($"type .{name} is unknown");

    private int Number(Capture text, int most) =>
        Literal.Parse(text.Value) is { } value && value <= (ulong)most ? (int)value : throw Bad($"{text.Value} is more than {most}");

    private void AddVariable(Variable variable)
    {
        bool isValue = variable is { Space: "const" or "global", IsExtern: false } && (_variableBytes += variable.Bytes) <= MostVariables;
        if (variable.Space == "shared" && _shared.Count < MostOfModule)
            _shared.Add(variable);
        else if (!isValue || !Variables.TryAdd(variable.Name, Values(variable)))
            throw Bad($"the variable {variable.Name} cannot be there");
    }

    // What a variable begins with: "= 8;" or "= {1, 2};", as bytes.
    private byte[] Values(Variable variable)
    {
        byte[] values = new byte[variable.Bytes];
        int size = variable.Type.Bytes, offset = 0;
        foreach (string number in variable.Values.Split([' ', ',', '{', '}'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (Literal.Parse(number) is not { } value || offset + size > values.Length)
                throw Bad($"'{number}' is no value of {variable.Name}");
            BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(values.AsSpan(offset));
            offset += size;
        }
        return values;
    }

    private void Add(Layout layout, Variable variable)
    {
        if (layout.OffsetOf(variable.Name) is not null)
            throw Bad($"{variable.Name} is there twice");
        if (layout.Add(variable.Name, variable.Alignment, variable.Bytes) + variable.Bytes > layout.Most)
            throw Bad($"{variable.Name} ends behind the {layout.Most} bytes that there are");
    }

    private void ReadEntry(EntryText entry, string line)
    {
        if (Entries.Exists(other => other.Name == entry.Name))
            throw Bad($"{entry.Name} is there twice");
        Entries.Add(entry);
        foreach (var variable in _shared.Where(static variable => !variable.IsExtern))
            Add(entry.Shared, variable);
        for (; line != "{"; line = Next())
        {
            if (VariableOf(line.TrimEnd(',') + ";") is { Space: "param" } parameter)
                Add(entry.Parameters, parameter);
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
        if (line is "{" or "}")
            return line == "{" ? 1 : -1;
        // The variables of a call are left out: the machine has no calls, and says so by name.
        if (line.Length == 0 || line.StartsWith(".pragma", StringComparison.Ordinal) || line.StartsWith(".param", StringComparison.Ordinal))
            return 0;
        if (Location().Match(line) is { Success: true } location)
            SetPlace(location.Groups["at"].Value, location.Groups["call"]);
        else if (Register().Match(line) is { Success: true } register)
            AddRegisters(entry, register.Groups["name"].Value, register.Groups["type"].Value, register.Groups["count"]);
        else if (VariableOf(line) is { Space: "local" or "shared" } variable)
            Add(variable.Space == "local" ? entry.Local : entry.Shared, variable);
        else if (!line.EndsWith(':'))
            AddStatement(entry, line);
        else if (!entry.Labels.TryAdd(line[..^1], entry.Statements.Count))
            throw Bad($"the label {line} is there twice");
        return 0;
    }

    private void AddRegisters(EntryText entry, string name, string type, Group count)
    {
        var registers = (type == "pred" ? 1 : TypeOf(type).RegisterBits, count.Success ? Number(count, MostRegisters) : (int?)null);
        if (!entry.Registers.TryAdd(name, registers) && entry.Registers[name] != registers)
            throw Bad($"{name} is there twice");
    }

    private void AddStatement(EntryText entry, string line)
    {
        int number = _at;
        for (int lines = 1; !line.Contains(';') && lines < MostLinesOfStatement; lines++) // a call has several lines
            line += " " + Next();
        if (Instruction().Match(line) is not { Success: true, Groups: var groups })
            throw new PtxException($"line {number} of the PTX: '{(line.Length > 200 ? line[..200] + "..." : line)}' is not understood");
        string[] operands = [.. Operands(groups["operands"].Value).Where(static operand => operand.Length > 0)];
        string? guard = groups["guard"].Success ? groups["guard"].Value : null;
        entry.Statements.Add(new Statement(groups["opcode"].Value, operands, guard, groups["not"].Length > 0, number, _place));
    }

    // Splits at commas outside of brackets.
    private static IEnumerable<string> Operands(string text)
    {
        int depth = 0, from = 0;
        for (int i = 0; i < text.Length; i++)
        {
            depth += text[i] is '{' or '[' or '(' ? 1 : text[i] is '}' or ']' or ')' ? -1 : 0;
            if (text[i] == ',' && depth == 0)
            {
                yield return text[from..i].Trim();
                from = i + 1;
            }
        }
        yield return text[from..].Trim();
    }

    // Code of a function that NVRTC put into its caller has the place of the call, which may have a caller itself.
    private void SetPlace(string at, Group call)
    {
        _calls[at] = call.Success ? call.Value : null;
        var chain = new List<string>();
        for (string? place = at; place is not null && !chain.Contains(place) && chain.Count < MostCalls; place = _calls.GetValueOrDefault(place))
            chain.Add(place);
        string Name(string file) => _files.GetValueOrDefault(file) ?? throw Bad($"there is no file {file}");
        _place = string.Join(" called from ", chain.Select(place => place.Split(' ')).Select(parts => $"{Name(parts[0])}:{parts[1]}"));
    }

    private PtxException Bad(string problem) => new($"line {_at} of the PTX: {problem}");

    [GeneratedRegex("""^[ \t]*\.file\s+(?<number>\d+)\s+"(?<name>[^"]*)\x22""", RegexOptions.Multiline)]
    private static partial Regex File();

    [GeneratedRegex(@"^(\.visible )?\.entry (?<name>\w+)\(")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^(?<extern>\.extern )?(\.visible |\.weak )?\.(?<space>shared|global|const|local|param)\s+"
        + @"(\.align (?<align>\d+) )?\.(?<type>\w+)\s+(?<name>[\w$]+)(\[(?<count>\d*)\])?\s*(=\s*(?<values>.*))?;$")]
    private static partial Regex Declaration();

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
}
