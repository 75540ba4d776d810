using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Activation;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Tests.Shared;

/// <summary>GELU and its slope of all bf16 numbers, with the bounds of docs/adr/0029-gelu-of-bf16.md.</summary>
internal static unsafe class GeluOfEveryNumber
{
    private const double Rounding = 1.0 / (1 << 24); // largest relative error of one rounding to fp32
    private static readonly double SmallestPower = Math.ScaleB(1, -126); // ex2.approx.ftz replaces smaller powers by 0

    private static readonly float[] Numbers = [.. Enumerable.Range(0, 1 << 16).Select(static bits => BitConverter.Int32BitsToSingle(bits << 16))];

    /// <summary>
    /// Computes both on a stream of the device. Returns a line for each finite number whose result is outside of its
    /// bound, and for each NaN that does not stay NaN.
    /// </summary>
    public static IEnumerable<string> Wrong(Device device, ComputeStream stream) =>
    [
        .. Compare("y", Run(device, stream, static (launcher, x, ones, y) => launcher.Run(Activations.Gelu.Forward[ElementType.BFloat16],
            new ActivationForwardArgs { X = x, Y = y, Rows = 256, C = 256 })), ValueOf),
        .. Compare("slope", Run(device, stream, static (launcher, x, ones, y) => launcher.Run(Activations.Gelu.Backward[ElementType.BFloat16],
            new ActivationBackwardArgs { Saved = x, dY = ones, dX = y, Rows = 256, C = 256, Chunks = 4 })), SlopeOf),
    ];

    private delegate void Launch(ICheckLauncher launcher, void* x, void* ones, void* y);

    private static float[] Run(Device device, ComputeStream stream, Launch launch)
    {
        var builder = new CheckBuilder(seed: 0, ElementType.BFloat16);
        var (x, ones, y) = (builder.ValueInput("x", Numbers), builder.ValueInput("ones", [.. Numbers.Select(static _ => 1f)]), builder.ValueOutput("y", Numbers.Length));
        var run = builder.Build("every number", launcher => launch(launcher, x.Values, ones.Values, y.Values), new NoReference(), factor: 0);
        return CheckRunner.Execute(device, run, stream)["y"];
    }

    private static IEnumerable<string> Compare(string name, float[] results, Func<double, (double Exact, double Error)> expected)
    {
        foreach (var (x, result) in Numbers.Zip(results))
        {
            if (float.IsFinite(x))
            {
                var (exact, error) = expected(x);
                double bound = error + HalfUnit(Math.Abs(exact) + error);
                if (!(Math.Abs(result - exact) <= bound))
                    yield return $"{name} of {x:R} is {result:R}, expected {exact:R} within {bound:E2}";
            }
            else if (float.IsNaN(x) && !float.IsNaN(result))
            {
                yield return $"{name} of NaN is {result:R}";
            }
        }
    }

    // Half a unit in the last place of a bf16 number.
    private static double HalfUnit(double value) => Math.ScaleB(1, Math.Max(Math.ILogB(value), -126) - 8);

    private static (double Exact, double Error) ValueOf(double x)
    {
        var (tail, _) = Gauss(Math.Abs(x));
        double left = Math.Abs(x) * tail, exact = Math.Max(x, 0) - left;
        return (exact, Rounding * ((82 + 2 * x * x) * left + Math.Abs(exact)) + SmallestPower);
    }

    private static (double Exact, double Error) SlopeOf(double x)
    {
        var (tail, density) = Gauss(Math.Abs(x));
        double other = Math.Abs(x) * density, left = tail - other, exact = x > 0 ? 1 - left : left;
        return (exact, Rounding * (77 * tail + 3 * other + (6 + 2 * x * x) * Math.Abs(left) + Math.Abs(exact)) + 8 * SmallestPower);
    }

    // cdf(-x) and the density of x >= 0. From 2 on the tail is a continued fraction (Abramowitz and Stegun 26.2.14).
    // Beyond 40 both are 0.
    private static (double Tail, double Density) Gauss(double x)
    {
        if (x > 40)
            return (0, 0);
        double density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
        if (x < 2)
            return ((1 - ReferenceMath.Erf(x / Math.Sqrt(2))) / 2, density);
        double fraction = x;
        for (int n = 100; n > 0; n--)
            fraction = x + n / fraction;
        return (density / fraction, density);
    }

    private sealed class NoReference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T> => throw new NotSupportedException();
    }
}
