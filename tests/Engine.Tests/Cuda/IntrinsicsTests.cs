using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

public unsafe struct IntrinsicsArgs
{
    public float* X, Out;
    public int* Words;
    public int Count;
}

/// <summary>The kernels of Intrinsics.cu.</summary>
internal static class IntrinsicsKernels
{
    public const string Source = "Intrinsics.cu";

    public static readonly Kernel<IntrinsicsArgs> Numbers = Of("numbers", 1, 32), Lanes = Of("lanes", 1, 32), Words = Of("words", 2, 64), FloatSum = Of("float_sum", 2, 64), Prints = Of("prints", 2, 64),
        ReadsPast = Of("reads_past", 1, 64), Diverges = Of("diverges", 1, 64);

    public static IEnumerable<Kernel> All => [Numbers, Lanes, Words, FloatSum, Prints, ReadsPast, Diverges];

    private static Kernel<IntrinsicsArgs> Of(string entry, int blocks, int threads) => new(entry)
    {
        Source = Source,
        CountItems = static (in IntrinsicsArgs a) => 1,
        Twin = null,
        LaunchShape = (in IntrinsicsArgs a, in DeviceLimits _) => new(blocks, threads),
        CountCost = static (in IntrinsicsArgs a) => default,
    };
}

/// <summary>
/// Every function of the table in src/Emulator/README.md works, and errors name the calls that lead to them.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class IntrinsicsTests : IDisposable
{
    private const float X = 2.5f, Y = -0.75f;

    public void Dispose()
    {
        if (CudaMachine.IsEmulator)
            CudaMachine.Configure(schedule: 0, check: false);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Numbers_EveryFunction_HasTheValueOfItsFormula(bool check)
    {
        CudaMachine.SkipUnlessEmulator(); // a GPU's fast functions are not exact
        float[] expected =
        [
            MathF.Exp(X), MathF.Pow(10, Y), MathF.Log(X), MathF.Log2(X), MathF.Log10(X), MathF.Sin(X), MathF.Cos(X), MathF.Tan(Y), MathF.Pow(X, Y), X / Y, 1, 1 / MathF.Sqrt(X), 1 / MathF.Sqrt(X), Y / X,
            X * Y, X - Y, X * Y, MathF.FusedMultiplyAdd(X, Y, 1), X / Y, 1 / Y, MathF.Sqrt(X), 1 / MathF.Sqrt(X),
            2, 0, -1, 3, 0, 2, -7, 7, X, Y,
            8, 20, 31 + 3200, 63 + 6400, 4, 41, 192, -2, 3,
            X + Y + 3 + 4 + 5 + 2, 4 + 6 + 4 + 6 + 4 + 6, X + Y + 0.5f, 32 + 1 + 32,
        ];
        var (actual, _) = Run(IntrinsicsKernels.Numbers, check);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(actual[i] - expected[i]) <= 4e-7 * Math.Abs(expected[i]), $"value {i} is {actual[i]:G9}, expected {expected[i]:G9}");
        Assert.True(float.IsNaN(actual[expected.Length]), "the kernel writes more values than the test knows");
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(5, false)]
    [InlineData(0, true)]
    public void Lanes_EveryFunctionOfAWarp_GivesWhatTheOthersHave(ulong schedule, bool check)
    {
        CudaMachine.SkipUnlessEmulator();
        var (actual, _) = Run(IntrinsicsKernels.Lanes, check, schedule);
        for (int lane = 0; lane < 32; lane++)
            Assert.Equal(31 - lane + 3 + (lane ^ 1) + (lane < 30 ? lane + 2 : lane) + (lane >= 2 ? lane - 2 : lane) + 11 + 100, actual[lane]);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(4, false)]
    [InlineData(0, true)]
    public void Words_EveryAtomicFunction_HasAllThreadsValues(ulong schedule, bool check)
    {
        CudaMachine.SkipUnlessEmulator();
        var (values, words) = Run(IntrinsicsKernels.Words, check, schedule);
        Assert.Equal([256, -384, -127, 127, -1, 0, 0, 9, 5], words.Take(9));
        Assert.Equal(7, values[0]);
    }

    [Fact]
    public void AtomicAdd_OfFloats_IsNotedWithItsLine()
    {
        CudaMachine.SkipUnlessEmulator();
        Run(IntrinsicsKernels.Words, check: true);
        Assert.Null(CudaMachine.TakeFloatSum());
        var (values, _) = Run(IntrinsicsKernels.FloatSum, check: true);
        Assert.InRange(values[0], 5.4, 5.5); // begins with 0, see Run
        Assert.Matches(@"^Intrinsics\.cu:\d+$", CudaMachine.TakeFloatSum());
        Assert.Null(CudaMachine.TakeFloatSum());
    }

    [Fact]
    public void Access_PastTheEndInAFunction_NamesTheLineAndItsCalls()
    {
        CudaMachine.SkipUnlessEmulator();
        var failure = Assert.Throws<CudaException>(() => Run(IntrinsicsKernels.ReadsPast, check: true));
        Assert.Contains($" at {Line("return x[i]")} ({Line("= first(a.X")} > {Line("return second(")} > {Line("return x[i]")})", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Barrier_InAFunction_NamesItsCalls()
    {
        CudaMachine.SkipUnlessEmulator();
        var failure = Assert.Throws<CudaException>(() => Run(IntrinsicsKernels.Diverges, check: true, schedule: 1));
        Assert.Contains($" is at {Line("DEVICE void meet()")} ({Line("    meet();")} > {Line("DEVICE void meet()")})", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Table_OfTheEmulator_HasWhatTheKernelsCall()
    {
        using var reader = new StreamReader(typeof(IntrinsicsTests).Assembly.GetManifestResourceStream("Emulator.md")!);
        string page = reader.ReadToEnd();
        string section = Regex.Match(page, "^## What a kernel may use\n(.*?)^## ", RegexOptions.Multiline | RegexOptions.Singleline).Groups[1].Value;
        string[] names = [.. Regex.Matches(section, "`(_*[a-zA-Z]\\w*)`").Select(static match => match.Groups[1].Value).Distinct()];
        string source = CudaMachine.Sources[IntrinsicsKernels.Source], header = CudaMachine.Sources["Common.cuh"];
        Assert.InRange(names.Length, 80, 200);
        string[] others = ["IntrinsicsTests", "make_", "float", "double", "uint3", "__host__", "__align__", "__forceinline__", "__device__"];
        Assert.Equal("", string.Join(' ', names.Except(others).Where(name => !Regex.IsMatch(source + header, $@"\b{name}\b"))));
    }

    [Fact]
    public void Source_OfEveryFunction_CompilesForAGpu()
    {
        var unit = KernelUnit.Group(IntrinsicsKernels.All).Single();
        string ptx = Encoding.UTF8.GetString(CudaMachine.Compiler.Compile(unit, KernelResourceTable.Portable).Code);
        Assert.All(IntrinsicsKernels.All, kernel => Assert.Contains($".entry {kernel.Entry}(", ptx, StringComparison.Ordinal));
    }

    private static string Line(string text) =>
        $"Intrinsics.cu:{1 + Array.FindIndex(CudaMachine.Sources[IntrinsicsKernels.Source].Split('\n'), line => line.Contains(text, StringComparison.Ordinal))}";

    private static (float[] Values, int[] Words) Run(Kernel<IntrinsicsArgs> kernel, bool check, ulong schedule = 0)
    {
        using var device = CudaMachine.Open();
        CudaMachine.Configure(schedule, check);
        float[] x = [X, Y], values = new float[64];
        Array.Fill(values, kernel == IntrinsicsKernels.FloatSum ? 0 : float.NaN);
        int[] words = new int[16];
        words[6] = 1;
        var args = new IntrinsicsArgs { X = (float*)device.Allocate(8), Out = (float*)device.Allocate(4 * values.Length), Words = (int*)device.Allocate(4 * words.Length), Count = 1 };
        try
        {
            device.Upload(MemoryMarshal.AsBytes(x.AsSpan()), (nint)args.X);
            device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), (nint)args.Out);
            device.Upload(MemoryMarshal.AsBytes(words.AsSpan()), (nint)args.Words);
            device.Stream.Run(kernel, args);
            device.Download((nint)args.Out, MemoryMarshal.AsBytes(values.AsSpan()));
            device.Download((nint)args.Words, MemoryMarshal.AsBytes(words.AsSpan()));
            return (values, words);
        }
        finally
        {
            foreach (nint memory in new[] { (nint)args.X, (nint)args.Out, (nint)args.Words })
                device.Free(memory);
        }
    }
}
