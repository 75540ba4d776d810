using System.Text.Json;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>--define and --against of <c>kernels check</c> and <c>kernels bench</c>, over the emulator.</summary>
[Collection(nameof(CommandTests))]
public sealed class KernelVariantsTests(CommandWorld world)
{
    private static readonly string SoftmaxSource = KernelSources.Embedded["Softmax.cu"];

    [Fact]
    public void Check_Define_HasARowForEveryCombination()
    {
        using var json = JsonDocument.Parse(Check("softmax_forward_f32", "--define", "WARPS=8,2", "--json").AssertDone().Output);
        Assert.Equal([("WARPS=8", "right", "right"), ("WARPS=2", "right", "right")], json.RootElement.EnumerateArray().Select(static row => (row.GetProperty("variant").GetString()!, row.GetProperty("order").GetString()!, row.GetProperty("cuda").GetString()!)));
        Assert.All(json.RootElement.EnumerateArray(), static row => Assert.False(row.TryGetProperty("sources", out _)));
    }

    // A macro that only the source has, and a value with which the kernel is wrong.
    [Fact]
    public void Check_DefineOfTheSource_FindsTheWrongVariant()
    {
        string folder = Sources("""
            #ifndef EXTRA
            #define EXTRA 0
            #endif

            """ + SoftmaxSource.Replace("1 / warp_sum(sum)", "1 / (warp_sum(sum) + EXTRA)", StringComparison.Ordinal));
        var outcome = Check("softmax_forward_f32", "--kernels", folder, "--define", "EXTRA=0,3");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("error: softmax_forward_f32 EXTRA=3, CUDA source: ", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("EXTRA=0,", outcome.Error, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^\| softmax_forward_f32 +\| EXTRA=0 .*\| right +\| right +\|", outcome.Output);
        Assert.Matches(@"(?m)^\| softmax_forward_f32 +\| EXTRA=3 .*\| right +\| wrong +\|", outcome.Output);
    }

    [Fact]
    public void Check_Against_HasARowForEachSetAndTellsWhetherTheCodeIsTheSame()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        string same = Sources(SoftmaxSource + "// a comment\n"), other = Sources(SoftmaxSource.Replace("__launch_bounds__(32 * WARPS) softmax_forward_f32", "softmax_forward_f32", StringComparison.Ordinal));
        Assert.Equal([("program", null), (same, true)], Rows(same));
        Assert.Equal([("program", null), (other, false)], Rows(other));

        (string, bool?)[] Rows(string folder)
        {
            using var json = JsonDocument.Parse(Check("softmax_forward_f32", "--against", folder, "--json").AssertDone().Output);
            return [.. json.RootElement.EnumerateArray().Select(static row => (row.GetProperty("sources").GetString()!, row.TryGetProperty("same_code", out var code) ? code.GetBoolean() : (bool?)null))];
        }
    }

    [Theory]
    [InlineData(2, "--define 'WARPS=4;x' is not a macro with integers", "check", "softmax", "--define", "WARPS=4;x")]
    [InlineData(2, "--define WARPS=4 is there twice", "bench", "softmax", "--device", "cuda", "--define", "WARPS=4,4")]
    [InlineData(2, "--define changes CUDA sources, and the CPU runs the C# twins: add --device cuda", "bench", "softmax", "--define", "WARPS=4")]
    [InlineData(2, "--against changes CUDA sources, and the CPU runs the C# twins: add --device cuda", "bench", "softmax", "--device", "cpu", "--against", "/tmp")]
    [InlineData(2, "--write-table needs --define, and no --against", "bench", "softmax", "--device", "cuda", "--write-table", "x.json")]
    [InlineData(2, "--define cannot be used with --device", "check", "softmax", "--device", "cpu", "--define", "WARPS=4")]
    [InlineData(1, "no source has a tunable macro WRAPS: Softmax.cu has WARPS=8", "check", "softmax", "--define", "WRAPS=4")]
    [InlineData(1, "no source has a tunable macro WRAPS: Softmax.cu has WARPS=8", "bench", "softmax", "--device", "cuda", "--define", "WRAPS=4")]
    [InlineData(1, "/nowhere/at/all: there is no such file or folder", "check", "softmax", "--against", "/nowhere/at/all")]
    public void Kernels_WrongBuilds_AreOneLine(int code, string message, params string[] args) => Shell.Run(["kernels", .. args]).AssertFailed(code, message);

    [Fact]
    public void Bench_DefineAndAgainst_ComparesWithTheDefaultAndWithTheOtherSet()
    {
        using var json = JsonDocument.Parse(Bench("--define", "WARPS=2", "--against", Sources(SoftmaxSource), "--json").AssertDone().Output);
        var rows = json.RootElement.GetProperty("kernels").EnumerateArray().Select(static row => (Build: row.GetProperty("build"), Samples: row.GetProperty("microseconds").GetProperty("samples").GetInt32())).ToList();
        Assert.Equal([("", "program"), ("", "set"), ("WARPS=2", "program"), ("WARPS=2", "set")],
            rows.Select(static row => (row.Build.GetProperty("variant").GetString()!, row.Build.GetProperty("sources").GetString() == "program" ? "program" : "set")));
        Assert.Equal([JsonValueKind.Null, JsonValueKind.Object, JsonValueKind.Object, JsonValueKind.Object], rows.Select(static row => row.Build.GetProperty("ratio").ValueKind));
        Assert.Single(rows, static row => row.Build.GetProperty("is_best").GetBoolean());
        Assert.All(rows, row => Assert.Equal(rows[0].Samples, row.Samples));
        Assert.True(rows[0].Build.GetProperty("sizes").GetProperty("Rows").GetInt64() > 0);
    }

    // One warp a block needs many more blocks, which the emulator makes one by one. Whether a variant is faster there
    // is chance; so is whether the table is written.
    [Fact]
    public void Bench_WriteTable_WritesFasterVariantsOrSaysWhyNot()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, file = Path.Combine(folder, VariantTable.FileName);
        var outcome = Bench("--define", "WARPS=1,16", "--write-table", file).AssertDone();
        Assert.Matches(@"(?m)^\| softmax_forward_f32 .*\| default +\| program ", outcome.Output);
        Assert.Equal(File.Exists(file), !VariantTable.Of(KernelSources.In(File.Exists(file) ? folder : null)).IsEmpty);
    }

    private Outcome Check(params string[] args)
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        return ChildProcess.Run(new() { ["XDG_CACHE_HOME"] = world.Cache }, ["kernels", "check", .. args]);
    }

    private Outcome Bench(params string[] args)
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        return ChildProcess.Run(new() { ["VIDEOSIM_CUDA_PATH"] = $"{CommandWorld.Emulator}{Path.PathSeparator}{NativeLibraries.Nvrtc.Path}", ["XDG_CACHE_HOME"] = world.Cache },
            ["kernels", "bench", "softmax_forward_f32", "--device", "cuda", "--models", "mix", "--seconds", "0", .. args]);
    }

    private string Sources(string softmax)
    {
        string folder = Directory.CreateDirectory(world.New()).FullName;
        File.WriteAllText(Path.Combine(folder, "Softmax.cu"), softmax);
        return folder;
    }
}
