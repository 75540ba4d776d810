using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>
/// Instructions whose result the PTX manual gives up to an error. Here they are exact, or with a seed wrong by as much
/// as the manual allows: with 1 always upwards, with 2 always downwards, otherwise each value up or down, as a GPU
/// that is just good enough. The same value always has the same error.
/// </summary>
internal sealed unsafe partial class OpcodeTable
{
    // Errors and special values are those of the PTX manual, version 9.1, sections 9.7.3.8 to 9.7.3.22. An error
    // depends on the operand x and the exact result y.
    private void AddApproximations()
    {
        foreach (string flush in new[] { "", ".ftz" })
        {
            Approximate($"ex2.approx{flush}.f32", static x => (float)Math.Pow(2, x), static (_, y) => 2 * LastPlace(y)); // from the nearest
            Approximate($"rcp.approx{flush}.f32", static x => 1 / x, static (_, y) => LastPlace(y));
            Approximate($"rsqrt.approx{flush}.f32", static x => 1 / Math.Sqrt(x), static (_, y) => Math.Pow(2, -22.9) * y);
            Approximate($"sqrt.approx{flush}.f32", Math.Sqrt, static (_, y) => Math.Pow(2, -23) * y);
            Approximate($"lg2.approx{flush}.f32", Math.Log2, static (x, y) => Math.Pow(2, -22) * (x is > 0.5f and < 2 ? 1 : Math.Abs(y)));
            Approximate($"sin.approx{flush}.f32", Math.Sin, ErrorOfAngle);
            Approximate($"cos.approx{flush}.f32", Math.Cos, ErrorOfAngle);
            Approximate($"div.full{flush}.f32", 2, static (a, b) => (double)a / b, static (_, y) => 2 * LastPlace(y));
            Approximate($"div.approx{flush}.f32", 2, Divide, static (_, y) => 2 * LastPlace(y));
        }
        Approximate("tanh.approx.f32", Math.Tanh, static (x, y) => float.IsSubnormal(x) ? 0 : Math.Pow(2, -11) * Math.Abs(y));
        EachOne<double, double>("rsqrt.approx.f64", static x => 1 / Math.Sqrt(x)); // the manual gives no error
    }

    // The reciprocal of a number above 2 to the power of 126 is subnormal, and counts as 0.
    private static double Divide(float a, float b) => float.IsFinite(b) && MathF.Abs(b) > 8.507059e37f ? a * 0 * b : (double)a / b;

    private static double ErrorOfAngle(float x, double y) => Math.Abs(x) <= 2 * MathF.PI ? Math.Pow(2, -20.5) : Math.Pow(2, -14.7);

    private static double LastPlace(double value) => Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 23);

    private void Approximate(string opcode, Func<double, double> exact, Func<float, double, double> error) => Approximate(opcode, 1, (x, _) => exact(x), error);

    private void Approximate(string opcode, int operandCount, Func<float, float, double> exact, Func<float, double, double> error) => Each(opcode, operands =>
    {
        Func<float, float> flush = opcode.Contains(".ftz", StringComparison.Ordinal) ? Flush : static x => x;
        Slot to = operands.At<float>(0), a = operands.At<float>(1), b = operandCount == 2 ? operands.At<float>(2) : operands.Constant(0, 32);
        return (warp, lane) =>
        {
            float x = flush(*warp.At<float>(a, lane)), divisor = flush(*warp.At<float>(b, lane));
            double value = exact(x, divisor);
            // 0, infinity and NaN, and what becomes one of them, are exact.
            bool isExact = x == 0 || !float.IsFinite(x) || (float)value == 0 || !float.IsFinite((float)value);
            float result = isExact ? (float)value : Towards(value, value + (Direction(warp.Block.Perturbation, x, divisor) * error(x, value)));
            *warp.At<float>(to, lane) = flush(result);
        };
    });

    // The last number before the limit.
    private static float Towards(double exact, double limit)
    {
        float value = (float)limit;
        return value > limit && limit > exact ? MathF.BitDecrement(value) : value < limit && limit < exact ? MathF.BitIncrement(value) : value;
    }

    private static float Flush(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    // 1 for upwards, -1 for downwards, 0 for no error.
    private static int Direction(ulong seed, float x, float divisor)
    {
        if (seed <= 2)
            return seed == 0 ? 0 : seed == 1 ? 1 : -1;
        uint bits = BitConverter.SingleToUInt32Bits(x) ^ uint.RotateLeft(BitConverter.SingleToUInt32Bits(divisor), 16);
        ulong mixed = ((seed << 32) ^ bits) * 0x9e3779b97f4a7c15; // the top bits of the product depend on all others
        return mixed >> 63 != 0 ? 1 : -1;
    }
}
