using System.Runtime.Intrinsics;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Floating-point numbers.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private void AddFloats()
    {
        Floats<float>("f32");
        Floats<double>("f64");
        One<float>("neg.f32", static a => a ^ Vector256.Create(-0f));
        One<double>("neg.f64", static a => a ^ Vector256.Create(-0d));
        Three<float>("fma.rn.f32", Vector256.FusedMultiplyAdd);
        Three<double>("fma.rn.f64", Vector256.FusedMultiplyAdd);
        EachThree<float>("fma.rp.f32", static (a, b, c) => Directed((double)a * b, c, Upwards));
        EachThree<float>("fma.rm.f32", static (a, b, c) => -Directed(-(double)a * b, -c, Upwards));
        EachThree<float>("fma.rz.f32", static (a, b, c) => Directed((double)a * b, c, TowardsZero));
        EachTwo<float, float>("add.rz.f32", static (a, b) => Directed(a, b, TowardsZero));
        One<float>("rcp.rn.f32", static a => Vector256<float>.One / a);
        One<double>("rcp.rn.f64", static a => Vector256<double>.One / a);
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
        One<T>($"abs.{type}", Vector256.Abs);
        // A number wins over NaN, and -0 is less than 0.
        Two<T>($"min.{type}", Vector256.MinNumber);
        Two<T>($"max.{type}", Vector256.MaxNumber);
        // A comparison with NaN is false, and those with "u" are true.
        Compare<T>($"setp.eq.{type}", Vector256.Equals);
        Compare<T>($"setp.lt.{type}", Vector256.LessThan);
        Compare<T>($"setp.le.{type}", Vector256.LessThanOrEqual);
        Compare<T>($"setp.gt.{type}", Vector256.GreaterThan);
        Compare<T>($"setp.ge.{type}", Vector256.GreaterThanOrEqual);
        Compare<T>($"setp.ne.{type}", static (a, b) => Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b));
        Compare<T>($"setp.equ.{type}", static (a, b) => ~(Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b)));
        Compare<T>($"setp.neu.{type}", static (a, b) => ~Vector256.Equals(a, b));
        Compare<T>($"setp.ltu.{type}", static (a, b) => ~Vector256.GreaterThanOrEqual(a, b));
        Compare<T>($"setp.leu.{type}", static (a, b) => ~Vector256.GreaterThan(a, b));
        Compare<T>($"setp.gtu.{type}", static (a, b) => ~Vector256.LessThanOrEqual(a, b));
        Compare<T>($"setp.geu.{type}", static (a, b) => ~Vector256.LessThan(a, b));
        Compare<T>($"setp.num.{type}", static (a, b) => Vector256.Equals(a, a) & Vector256.Equals(b, b));
        Compare<T>($"setp.nan.{type}", static (a, b) => ~(Vector256.Equals(a, a) & Vector256.Equals(b, b)));
    }

    private static float Upwards(float nearest, double error) => error > 0 ? MathF.BitIncrement(nearest) : nearest;

    private static float TowardsZero(float nearest, double error) => nearest > 0 && error < 0 ? MathF.BitDecrement(nearest) : nearest < 0 && error > 0 ? MathF.BitIncrement(nearest) : nearest;

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
