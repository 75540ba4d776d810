namespace VideoSim.PtxMachine.Text;

/// <summary>One instruction as the text has it.</summary>
/// <param name="Opcode">Name with all modifiers, such as <c>fma.rn.f32</c>.</param>
/// <param name="Operands">Operands in order, without the blanks around them.</param>
/// <param name="Guard">Predicate register whose lanes run the instruction; null for all lanes.</param>
/// <param name="Negated">Whether the lanes run in which the predicate is false.</param>
/// <param name="Line">Line of the PTX, from 1.</param>
/// <param name="Place">Line of the CUDA source and the calls that lead to it; empty if the PTX has no lines.</param>
internal sealed record Statement(string Opcode, string[] Operands, string? Guard, bool Negated, int Line, string Place)
{
    /// <summary>Where the instruction is, for messages.</summary>
    public string Where => Place.Length == 0 ? $"line {Line} of the PTX ({Opcode})" : $"{Place}, line {Line} of the PTX ({Opcode})";
}

/// <summary>A kernel as the text has it.</summary>
/// <param name="Name">Its entry.</param>
internal sealed record EntryText(string Name)
{
    /// <summary>Bytes of its parameters, and where each begins.</summary>
    public Layout Parameters { get; } = new(32764);

    /// <summary>Bytes of a thread's local memory, and where each variable begins.</summary>
    public Layout Local { get; } = new(512 << 10);

    /// <summary>Bytes of a block's static shared memory, and where each variable begins.</summary>
    public Layout Shared { get; } = new(227 << 10);

    /// <summary>Most threads of a block, from <c>__launch_bounds__</c>.</summary>
    public int MostThreads { get; set; } = 1024;

    /// <summary>
    /// Bits of the registers and how many there are, by name up to the number: <c>%rd</c> for <c>%rd0</c> to
    /// <c>%rd8</c>. One without a number has no count.
    /// </summary>
    public Dictionary<string, (int Bits, int? Count)> Registers { get; } = [];

    /// <summary>Instructions in order.</summary>
    public List<Statement> Statements { get; } = [];

    /// <summary>Number of the instruction after each label.</summary>
    public Dictionary<string, int> Labels { get; } = [];
}

/// <summary>Variables that lie one after the other in one space, each at a multiple of its alignment.</summary>
/// <param name="Most">Bytes that a GPU has.</param>
internal sealed record Layout(int Most)
{
    private readonly Dictionary<string, int> _offsets = [];

    /// <summary>Bytes of all variables.</summary>
    public int Bytes { get; private set; }

    /// <summary>Adds a variable at the end.</summary>
    public int Add(string name, int alignment, int bytes)
    {
        int offset = (Bytes + alignment - 1) / alignment * alignment;
        _offsets[name] = offset;
        Bytes = offset + bytes;
        return offset;
    }

    /// <summary>Where a variable begins; null if there is no such variable.</summary>
    public int? OffsetOf(string name) => _offsets.TryGetValue(name, out int offset) ? offset : null;
}
