namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>
/// Approximate instructions: exact without a seed; otherwise wrong by no more than the PTX manual allows, upwards with
/// seed 1 and downwards with seed 2.
/// </summary>
internal static class ApproximationCases
{
    // Powers and roots of one half-way, large and small; each twice, for equal inputs have equal results.
    private static readonly float[] Some =
        [.. new[] { 1f, 0.7f, 1.3f, 2.5f, 3.14159f, 0.1f, 17, 0.99999994f, 1.0000001f, 5.9f, 100.25f, 1e-3f, 125, 1e-20f, 1e20f, 1e-38f, float.Epsilon, 3e-40f }.SelectMany(static x => new[] { x, x, -x })];

    private static readonly float[] Special = [0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    public static IEnumerable<OpcodeCase> All
    {
        get
        {
            foreach (string flush in new[] { "", ".ftz" })
            {
                // The manual counts from the nearest number here, and from the exact value below.
                yield return One($"ex2.approx{flush}.f32", static x => Math.Exp(x * Math.Log(2)), static (_, y) => (2 * Unit((float)y)) + Math.Abs(y - (float)y));
                yield return One($"rcp.approx{flush}.f32", static x => 1 / x, static (_, y) => Unit(y));
                yield return One($"rsqrt.approx{flush}.f32", static x => x == 0 ? 1 / x : x < 0 ? double.NaN : Math.Pow(x, -0.5), static (_, y) => Math.Pow(2, -22.9) * y);
                yield return One($"sqrt.approx{flush}.f32", static x => x == 0 ? x : x < 0 ? double.NaN : Math.Pow(x, 0.5), static (_, y) => Math.Pow(2, -23) * y);
                yield return One($"lg2.approx{flush}.f32", static x => Math.Log(x) / Math.Log(2), static (x, y) => Math.Pow(2, -22) * (x is > 0.5 and < 2 ? 1 : Math.Abs(y)));
                yield return One($"sin.approx{flush}.f32", Math.Sin, Angle, static x => Math.Abs(x) < 314 || float.IsInfinity(x));
                yield return One($"cos.approx{flush}.f32", Math.Cos, Angle, static x => Math.Abs(x) < 314 || float.IsInfinity(x));
                yield return Two($"div.full{flush}.f32");
                yield return Two($"div.approx{flush}.f32");
            }
            yield return One("tanh.approx.f32", Math.Tanh, static (x, y) => float.IsInfinity((float)x) || float.IsSubnormal((float)x) ? 0 : Math.Pow(2, -11) * Math.Abs(y));
            // The manual gives no error.
            ulong[] values = [.. Values.OfFloat(Format.F64).Where(static x => !Format.F64.IsNegative(x) || Format.F64.IsZero(x))];
            yield return OpcodeCase.Of("rsqrt.approx.f64", "fd fd", [values], static x => BitConverter.DoubleToUInt64Bits(1 / Math.Sqrt(BitConverter.UInt64BitsToDouble(x[0]))), Format.F64);
        }
    }

    private static double Angle(double x, double y) => x == 0 ? 0 : Math.Abs(x) <= 2 * Math.PI ? Math.Pow(2, -20.5) : Math.Pow(2, -14.7);

    // The unit in the last place.
    private static double Unit(double value) => value == 0 ? float.Epsilon : Math.Pow(2, Math.Max(Math.ILogB(value), -126) - 23);

    private static float Flushed(float value, bool flushes) => flushes && float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    private static OpcodeCase One(string opcode, Func<double, double> exact, Func<double, double, double> bound, Func<float, bool>? isDefined = null)
    {
        float[] inputs = [.. Some.Concat(Special).Where(isDefined ?? (static _ => true))];
        return new(opcode, () => Run(opcode, inputs, inputs, $"{opcode} %f3, %f1;", (x, _) => exact(x), bound));
    }

    private static OpcodeCase Two(string opcode)
    {
        var pairs = Some.Concat(Special).Append(1e38f).SelectMany(static x => Some.Where(static (_, i) => i % 3 != 1).Concat(Special).Append(1.5e38f).Append(-3e38f).Select(y => (X: x, Y: y))).ToList();
        bool isFull = opcode.Contains(".full", StringComparison.Ordinal);
        // Without .full and .ftz the manual leaves a subnormal divisor open.
        pairs.RemoveAll(pair => !isFull && !opcode.Contains(".ftz", StringComparison.Ordinal) && float.IsSubnormal(pair.Y));
        double Exact(double x, double y) => isFull || Math.Abs(y) <= Math.Pow(2, 126) || !double.IsFinite(y) ? x / y
            : double.IsInfinity(x) || double.IsNaN(x) ? double.NaN : 0 * x * y;
        return new(opcode, () => Run(opcode, [.. pairs.Select(static pair => pair.X)], [.. pairs.Select(static pair => pair.Y)], $"{opcode} %f3, %f1, %f2;", Exact, static (_, y) => 2 * Unit(y)));
    }

    private static IEnumerable<string> Run(string opcode, float[] left, float[] right, string instruction, Func<double, double, double> function, Func<double, double, double> bound)
    {
        bool flushes = opcode.Contains(".ftz", StringComparison.Ordinal);
        float[] exact = [.. left.Select((x, i) => (float)function(Flushed(x, flushes), Flushed(right[i], flushes)))];
        var seen = new HashSet<string>();
        for (ulong seed = 0; seed <= 3; seed++)
        {
            float[] results = Execute(instruction, left, right, seed);
            for (int i = 0; i < left.Length; i++)
            {
                float x = Flushed(left[i], flushes), result = results[i], nearest = Flushed(exact[i], flushes);
                double value = function(x, Flushed(right[i], flushes)), error = result - value;
                bool isExact = seed == 0 || !float.IsFinite(exact[i]) || exact[i] == 0 || (flushes && float.IsSubnormal(exact[i]));
                bool isRight = isExact ? result.Equals(nearest) && (nearest != 0 || float.IsNegative(result) == float.IsNegative(nearest))
                    : Math.Abs(error) <= bound(x, value) * (1 + 1e-9) && seed switch { 1 => result >= nearest || error >= 0, 2 => result <= nearest || error <= 0, _ => true };
                if (!isRight)
                    yield return $"{opcode} of {left[i]:r} (and {right[i]:r}) with seed {seed} gives {result:r}, not {value:r}";
                if (!results[Array.FindIndex(left, value => value.Equals(left[i]) && float.IsNegative(value) == float.IsNegative(left[i]))].Equals(result) && left == right)
                    yield return $"{opcode} of {left[i]:r} has two results with seed {seed}";
            }
            if (!seen.Add(string.Join(' ', results)))
                yield return $"{opcode} with seed {seed} has the results of another seed";
        }
    }

    private static float[] Execute(string instruction, float[] left, float[] right, ulong seed)
    {
        string body = $$"""
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mul.wide.u32 %rd3, %r1, 8;
            add.s64 %rd1, %rd1, %rd3;
            mul.wide.u32 %rd3, %r1, 4;
            add.s64 %rd2, %rd2, %rd3;
            ld.global.v2.f32 {%f1, %f2}, [%rd1];
            {{instruction}}
            st.global.f32 [%rd2], %f3;
            ret;
            """;
        return [.. Enumerable.Range(0, left.Length).Chunk(1000).SelectMany(some =>
            SmallKernel.Run<float, float>(body, some.Length, null, [.. some.SelectMany(i => new[] { left[i], right[i] })], some.Length, perturbation: seed))];
    }
}
