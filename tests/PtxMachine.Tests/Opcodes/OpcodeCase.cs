using System.Text;

namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>One opcode and how to check it.</summary>
/// <param name="Opcode">Name with all modifiers.</param>
/// <param name="Check">Runs it, and returns what is wrong.</param>
internal sealed record OpcodeCase(string Opcode, Func<IEnumerable<string>> Check)
{
    /// <summary>
    /// A case that runs <c>@p opcode d, a, b, c;</c> once in every thread, for all values of the operands. In half of
    /// the lanes p is false; there d keeps its value. A second run has the other lanes.
    /// </summary>
    /// <param name="opcode">The opcode.</param>
    /// <param name="kinds">Registers of d, a, b and c: "r r r" for instance. "n5" is the constant 5.</param>
    /// <param name="operands">Values of a, b and c, and of a fourth one.</param>
    /// <param name="expected">The bits of d from those of a, b and c; null where the manual leaves it open.</param>
    /// <param name="format">Format of d, if it is a floating-point number: all NaN are equal.</param>
    public static OpcodeCase Of(string opcode, string kinds, ulong[][] operands, Func<ulong[], ulong?> expected, Format? format = null) =>
        new(opcode, () => Run(opcode, kinds.Split(' '), operands, expected, format));

    /// <summary>
    /// A case with other code: from the input at %rd1 of each thread, 8 bytes, to its output at %rd2.
    /// </summary>
    public static OpcodeCase WithBody(string opcode, string body, ulong[] input, Func<ulong, ulong> expected) => new(opcode, () =>
    {
        string text = $"""
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mul.wide.u32 %rd3, %r1, 8;
            add.s64 %rd1, %rd1, %rd3;
            add.s64 %rd2, %rd2, %rd3;
            {body}
            ret;
            """;
        ulong[] output = SmallKernel.Run<ulong, ulong>(text, input.Length, "tile[4096]", input, input.Length);
        return input.Select((value, i) => (Value: value, Right: expected(value), Is: output[i])).Where(static one => one.Right != one.Is)
            .Select(one => $"{opcode} of {one.Value:x} gives {one.Is:x} instead of {one.Right:x}");
    });

    private const int InputsOfAThread = 6, MostThreads = 500; // the last warp has 20 threads

    private static IEnumerable<string> Run(string opcode, string[] kinds, ulong[][] operands, Func<ulong[], ulong?> expected, Format? format)
    {
        var all = Combinations(operands).Where(values => expected(values) is not null).ToList();
        if (kinds.Contains("rs"))
            all = [.. all.SelectMany(static values => new[] { values, values })]; // odd threads have garbage beside the value
        string text = Text(opcode, kinds);
        foreach (ulong[][] some in all.Chunk(MostThreads))
        {
            foreach (bool other in new[] { false, true })
            {
                bool Runs(int thread) => ((thread * 7 / 3) % 2 == 0) != other;
                ulong[] input = [.. some.SelectMany((values, thread) => InputOf(kinds, values, thread, Runs(thread)))];
                ulong[] output = SmallKernel.Run<ulong, ulong>(text, some.Length, null, input, some.Length);
                for (int thread = 0; thread < some.Length; thread++)
                {
                    ulong right = Runs(thread) ? expected(some[thread])!.Value : Old(thread, kinds[0]);
                    ulong result = output[thread] & Mask(kinds[0]);
                    string values = string.Join(", ", some[thread].Select(static value => $"{value:x}")), where = Runs(thread) ? "" : ", in a lane that does not run it";
                    if (!AreEqual(right, result, Runs(thread) ? format : null))
                        yield return $"{opcode} {values} gives {result:x} instead of {right:x}{where}";
                }
            }
        }
    }

    private static bool AreEqual(ulong right, ulong value, Format? format) => right == value || (format?.IsNaN(right) == true && format.IsNaN(value));

    private static IEnumerable<ulong> InputOf(string[] kinds, ulong[] values, int thread, bool runs)
    {
        for (int i = 1; i <= InputsOfAThread - 2; i++)
            yield return i > values.Length ? 0 : IsGarbled(kinds[i], thread) ? ~values[i - 1] : values[i - 1];
        yield return Old(thread, kinds[0]);
        yield return runs ? 1UL : 0;
    }

    private static bool IsGarbled(string kind, int thread) => kind == "rs" && thread % 2 == 1;

    private static ulong Old(int thread, string kind) => kind == "p" ? (ulong)thread / 3 % 2 : (0x123456789abcdef0UL + ((ulong)thread * 0x0101010101010101)) & Mask(kind);

    private static ulong Mask(string kind) => kind switch { "rs" => 0xffff, "rd" or "fd" => ulong.MaxValue, _ => uint.MaxValue };

    private static IEnumerable<ulong[]> Combinations(ulong[][] operands) =>
        operands.Aggregate((IEnumerable<ulong[]>)[[]], static (lists, values) => lists.SelectMany(list => values.Select(value => (ulong[])[.. list, value])));

    // d is operand 0.
    private static string Register(string kind, int operand) => kind[0] == 'n' ? kind[1..] : $"%{kind}{10 + operand}";

    // The kinds of registers, and their types.
    private static string TypeOf(string kind) => kind switch { "rs" => "u16", "r" => "u32", "rd" => "u64", "f" => "f32", "fd" => "f64", _ => throw new ArgumentException(kind) };

    private static string Text(string opcode, string[] kinds)
    {
        var text = new StringBuilder("""
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mul.wide.u32 %rd3, %r1, 48;
            add.s64 %rd1, %rd1, %rd3;
            mul.wide.u32 %rd3, %r1, 8;
            add.s64 %rd2, %rd2, %rd3;
            ld.global.u64 %rd4, [%rd1+40];
            setp.ne.u64 %p1, %rd4, 0;
            and.b32 %r2, %r1, 1;
            setp.eq.u32 %p2, %r2, 1;

            """);
        for (int i = 0; i < kinds.Length; i++)
        {
            int offset = i == 0 ? 32 : (i - 1) * 8;
            string register = Register(kinds[i], i);
            if (kinds[i][0] == 'n')
                continue;
            if (kinds[i] == "p")
                text.AppendLine($"ld.global.u64 %rd4, [%rd1+{offset}];").AppendLine($"setp.ne.u64 {register}, %rd4, 0;");
            else
                text.AppendLine($"ld.global.{TypeOf(kinds[i])} {register}, [%rd1+{offset}];");
            if (kinds[i] == "rs" && i > 0)
                text.AppendLine($"@%p2 not.b16 {register}, {register};"); // sets the other half of the register
        }
        text.AppendLine($"@%p1 {opcode} {string.Join(", ", kinds.Select(Register))};");
        if (kinds[0] == "p")
            text.AppendLine("selp.u32 %r10, 1, 0, %p10;");
        string kind = kinds[0] == "p" ? "r" : kinds[0];
        return text.AppendLine($"st.global.{TypeOf(kind)} [%rd2], {Register(kind, 0)};").AppendLine("ret;").ToString();
    }
}

/// <summary>Values that matter.</summary>
internal static class Values
{
    /// <summary>Of an integer type, or of bits: both ends, both sides of zero, and a bit pattern.</summary>
    public static ulong[] OfInteger(int bits)
    {
        ulong mask = ulong.MaxValue >> (64 - bits), top = 1UL << (bits - 1);
        return [0, 1, 2, 3, 7, top - 1, top, top + 1, mask - 2, mask - 1, mask, 0x5a3c9671e8d20fb4 & mask];
    }

    /// <summary>
    /// Of a floating-point type, with both signs: zero, subnormals, ties of rounding, the largest, infinity, NaN.
    /// </summary>
    public static ulong[] OfFloat(Format format)
    {
        ulong one = format.One, ulp = 1, normal = 1UL << (format.Precision - 1);
        ulong large = one + (normal * (ulong)(format.Precision - 1)) + 1; // 1 more is a tie
        ulong[] positive = [0, 1, normal - 1, normal, normal + 1, one, one + ulp, one - ulp, one + (normal >> 1), one + normal + 3, one / 2, large, format.Infinity - 1, format.Infinity];
        return [.. positive, .. positive.Select(value => value | format.Sign), format.NaN];
    }
}
