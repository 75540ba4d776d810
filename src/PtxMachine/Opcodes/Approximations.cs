using System.Numerics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>
/// Instructions whose result the PTX manual gives up to an error. Here they are exact, or with a seed wrong by as much
/// as the manual allows: with 1 always upwards, with 2 always downwards, otherwise each value up or down, as a GPU
/// that is just good enough. The same value always has the same error.
/// </summary>
internal sealed unsafe partial class OpcodeTable
{
    /// <summary>An approximate value, and the largest error.</summary>
    /// <param name="exact">The value in float64.</param>
    /// <param name="direction">1 for upwards, -1 for downwards, 0 for no error.</param>
    private delegate float Wrong(double exact, int direction);

    // Errors and special values are those of the PTX manual, version 9.1, sections 9.7.3.8 to 9.7.3.22.
    private void AddApproximations()
    {
        foreach (string flush in new[] { "", ".ftz" })
        {
            Approximate($"ex2.approx{flush}.f32", static x => Math.Pow(2, x), static _ => static (exact, direction) => ByUnits(2)((float)exact, direction)); // from the nearest
            Approximate($"rcp.approx{flush}.f32", static x => 1 / x, static _ => ByUnits(1));
            Approximate($"rsqrt.approx{flush}.f32", static x => 1 / Math.Sqrt(x), static _ => ByRelative(Math.Pow(2, -22.9)));
            Approximate($"sqrt.approx{flush}.f32", Math.Sqrt, static _ => ByRelative(Math.Pow(2, -23)));
            Approximate($"lg2.approx{flush}.f32", Math.Log2, static x => x is > 0.5f and < 2 ? ByAbsolute(Math.Pow(2, -22)) : ByRelative(Math.Pow(2, -22)));
            Approximate($"sin.approx{flush}.f32", Math.Sin, OfAngle);
            Approximate($"cos.approx{flush}.f32", Math.Cos, OfAngle);
            Divide($"div.approx{flush}.f32");
            Divide($"div.full{flush}.f32");
        }
        Approximate("tanh.approx.f32", Math.Tanh, static x => ByRelative(float.IsSubnormal(x) ? 0 : Math.Pow(2, -11)));
        EachOne<double, double>("rsqrt.approx.f64", static x => 1 / Math.Sqrt(x)); // the manual gives no error
    }

    private static Wrong OfAngle(float x) => ByAbsolute(Math.Abs(x) <= 2 * MathF.PI ? Math.Pow(2, -20.5) : Math.Pow(2, -14.7));

    // Wrong by units in the last place.
    private static Wrong ByUnits(int units) => (exact, direction) =>
        Towards(exact, exact + (direction * units * Math.ScaleB(1, Math.Max(Math.ILogB(exact), -126) - 23)));

    private static Wrong ByRelative(double error) => (exact, direction) => Towards(exact, exact + (direction * error * Math.Abs(exact)));

    private static Wrong ByAbsolute(double error) => (exact, direction) => Towards(exact, exact + (direction * error));

    // The last number before the limit.
    private static float Towards(double exact, double limit)
    {
        float value = (float)limit;
        return value > limit && limit > exact ? MathF.BitDecrement(value) : value < limit && limit < exact ? MathF.BitIncrement(value) : value;
    }

    private void Approximate(string opcode, Func<double, double> exact, Func<float, Wrong> wrong)
    {
        bool flushes = opcode.Contains(".ftz", StringComparison.Ordinal);
        _table.Add(opcode, operands =>
        {
            Slot to = operands.At(0, 32), a = operands.At(1, 32);
            return (warp, lanes) =>
            {
                foreach (int lane in new Lanes(lanes))
                {
                    float x = Get<float>(warp, a, lane);
                    x = flushes ? Flush(x) : x;
                    double value = exact(x);
                    // 0, infinity and NaN, and what becomes one of them, are exact.
                    bool isExact = x == 0 || !float.IsFinite(x) || value == 0 || !float.IsFinite((float)value);
                    float result = isExact ? (float)value : wrong(x)(value, Direction(warp.Block.Perturbation, BitConverter.SingleToUInt32Bits(x)));
                    Set(warp, to, lane, flushes ? Flush(result) : result);
                }
            };
        });
    }

    private void Divide(string opcode)
    {
        const float Large = 8.507059e37f; // 2 to the power of 126, whose reciprocal is subnormal
        bool isFull = opcode.StartsWith("div.full", StringComparison.Ordinal);
        bool flushes = opcode.Contains(".ftz", StringComparison.Ordinal);
        _table.Add(opcode, operands =>
        {
            Slot to = operands.At(0, 32), a = operands.At(1, 32), b = operands.At(2, 32);
            return (warp, lanes) =>
            {
                foreach (int lane in new Lanes(lanes))
                {
                    float x = Get<float>(warp, a, lane), y = Get<float>(warp, b, lane);
                    (x, y) = flushes ? (Flush(x), Flush(y)) : (x, y);
                    float result = !isFull && float.IsFinite(y) && MathF.Abs(y) > Large ? x * 0 * y : x / y;
                    if (result != 0 && float.IsFinite(result))
                        result = ByUnits(2)((double)x / y, Direction(warp.Block.Perturbation, BitConverter.SingleToUInt32Bits(x) ^ BitOperations.RotateLeft(BitConverter.SingleToUInt32Bits(y), 16)));
                    Set(warp, to, lane, flushes ? Flush(result) : result);
                }
            };
        });
    }

    private static float Flush(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    private static int Direction(ulong seed, uint bits)
    {
        if (seed <= 2)
            return seed == 0 ? 0 : seed == 1 ? 1 : -1;
        ulong mixed = ((seed << 32) ^ bits) * 0x9e3779b97f4a7c15; // the top bits of the product depend on all others
        return mixed >> 63 != 0 ? 1 : -1;
    }
}
