using System.Runtime.Intrinsics;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Floating-point numbers.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private void AddFloats()
    {
        Floats<float>("f32");
        Floats<double>("f64");
        Three<float>("fma.rn.f32", Vector256.FusedMultiplyAdd);
        Three<double>("fma.rn.f64", Vector256.FusedMultiplyAdd);
        EachThree<float>("fma.rp.f32", static (a, b, c) => Directed((double)a * b, c, Upwards));
        EachThree<float>("fma.rm.f32", static (a, b, c) => -Directed(-(double)a * b, -c, Upwards));
        EachThree<float>("fma.rz.f32", static (a, b, c) => Directed((double)a * b, c, TowardsZero));
        EachTwo<float, float>("add.rz.f32", static (a, b) => Directed(a, b, TowardsZero));
    }

    private void Floats<T>(string type) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        foreach (string rounding in new[] { "", ".rn" })
        {
            Two<T>($"add{rounding}.{type}", static (a, b) => a + b);
            Two<T>($"sub{rounding}.{type}", static (a, b) => a - b);
            Two<T>($"mul{rounding}.{type}", static (a, b) => a * b);
        }
        Two<T>($"div.rn.{type}", static (a, b) => a / b);
        One<T>($"sqrt.rn.{type}", Vector256.Sqrt);
        One<T>($"rcp.rn.{type}", static a => Vector256<T>.One / a);
        One<T>($"abs.{type}", Vector256.Abs);
        One<T>($"neg.{type}", static a => a ^ Vector256.Create(-T.Zero));
        // A number wins over NaN, and -0 is less than 0.
        Two<T>($"min.{type}", Vector256.MinNumber);
        Two<T>($"max.{type}", Vector256.MaxNumber);
        // A comparison with NaN is false, and those with "u" are true.
        Compare<T>(type, "eq", "neu", Vector256.Equals);
        Compare<T>(type, "lt", "geu", Vector256.LessThan);
        Compare<T>(type, "le", "gtu", Vector256.LessThanOrEqual);
        Compare<T>(type, "gt", "leu", Vector256.GreaterThan);
        Compare<T>(type, "ge", "ltu", Vector256.GreaterThanOrEqual);
        Compare<T>(type, "ne", "equ", static (a, b) => Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b));
        Compare<T>(type, "num", "nan", static (a, b) => Vector256.Equals(a, a) & Vector256.Equals(b, b));
    }

    private static float Upwards(float nearest, double error) => error > 0 ? MathF.BitIncrement(nearest) : nearest;

    private static float TowardsZero(float nearest, double error) =>
        nearest > 0 && error < 0 ? MathF.BitDecrement(nearest) : nearest < 0 && error > 0 ? MathF.BitIncrement(nearest) : nearest;

    // a + b, rounded in another direction. correct() gets the nearest number, and the sign of what is left.
    private static float Directed(double a, double b, Func<float, double, float> correct)
    {
        double sum = a + b, of = sum - a, rest = (a - (sum - of)) + (b - of); // a + b is exactly sum + rest
        float nearest = (float)sum;
        if (!double.IsFinite(sum))
            return nearest;
        double left = sum - nearest; // exact, or infinite if the nearest is
        return correct(nearest, left != 0 ? left : rest);
    }
}
