using System.Text.Json;
using VideoSim.Cli.Commands;
using VideoSim.Cli.Output;
using VideoSim.Cli.Tests.Output;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>kernels</c>, in processes of their own where the emulator takes the driver's place.</summary>
[Collection(nameof(CommandTests))]
public sealed class KernelsTests(CommandWorld world)
{
    [Fact]
    public void List_Json_HoldsEveryKernelWithItsLargestLaunch()
    {
        var outcome = Shell.Run("kernels", "list", "--preset", "micro", "--json");
        outcome.AssertDone();
        using var rows = JsonDocument.Parse(outcome.Output);
        Assert.Equal(Catalog.Kernels.Select(static kernel => kernel.Entry).Order(), rows.RootElement.EnumerateArray().Select(static row => row.GetProperty("entry").GetString()!).Order());
        var adam = rows.RootElement.EnumerateArray().Single(static row => row.GetProperty("entry").GetString() == "adam_f32");
        Assert.Equal("adam", adam.GetProperty("family").GetString());
        Assert.InRange(adam.GetProperty("bytes").GetDouble(), 1e5, 1e9);
        Assert.Equal(256, adam.GetProperty("shape").GetProperty("block_x").GetInt32());
    }

    [Fact]
    public void Check_UnknownName_ListsTheFamilies() =>
        Shell.Run("kernels", "check", "nonsense").AssertFailed(2, "there is no kernel 'nonsense'", "layernorm");

    [Fact]
    public void Check_SourceOfNoKernel_NamesTheFile()
    {
        string file = Path.Combine(Directory.CreateDirectory(world.New()).FullName, "Nothing.cu");
        File.WriteAllText(file, "");
        Shell.Run("kernels", "check", "dropout", "--source", file).AssertFailed(1, file, "contains no kernel source", "Dropout.cu");
        Shell.Run("kernels", "check", "dropout", "--source", file + "x").AssertFailed(1, file + "x", "there is no such file");
    }

    [Fact]
    public void Check_RightKernel_PassesEveryGateThatThisMachineHas()
    {
        var outcome = Check(["dropout_f32", "--json"]);
        outcome.AssertDone();
        using var rows = JsonDocument.Parse(outcome.Output);
        var row = rows.RootElement.EnumerateArray().Single(static row => row.GetProperty("entry").GetString() == "dropout_f32");
        Assert.Equal(["right", "right", "right"], new[] { "twin", "cuda", "order" }.Select(gate => row.GetProperty(gate).GetString()));
        Assert.Contains(row.GetProperty("compiles").GetString(), new[] { "right", "skipped" });
        Assert.Equal(row.GetProperty("compiles").GetString(), row.GetProperty("ptx").GetString());
    }

    // NVRTC defines the macro, and g++ does not.
    [Fact]
    public void Check_KernelThatIsWrongAsPtxAlone_SaysSo()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        var outcome = Check(["softmax_forward_f32", "--source", Softmax("1 / warp_sum(sum)", """
            1 / (warp_sum(sum)
            #ifdef __CUDACC_RTC__
                + 1
            #endif
            )
            """)]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("error: softmax_forward_f32, PTX: ", outcome.Error, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^\| softmax_forward_f32 \| right +\| right +\| right +\| right +\| wrong +\|", outcome.Output);
    }

    // The emulator has printf, and the PTX machine has no calls. The kernel is right.
    [Fact]
    public void Check_KernelThatPrints_SkipsPtx()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        var outcome = Check(["softmax_forward_f32", "--source", Softmax("1 / warp_sum(sum)", "(threadIdx.x + blockIdx.x == 0 ? (void)printf(\"sum\\n\") : (void)0, 1 / warp_sum(sum))")]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches(@"(?m)^\| softmax_forward_f32 \| right +\| right +\| right +\| right +\| skipped +\|", outcome.Output);
    }

    [Fact]
    public void CheckOnTheDevice_EmulatorOfPtx_RunsPtx()
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        AsPtx("ptx", "kernels", "check", "relu_forward_f32", "--device", "cuda").AssertDone();
        AsPtx("ptx", "kernels", "check", "relu_forward_f32", "--device", "cpu").AssertDone();
        AsPtx("PTX", "kernels", "check", "relu_forward_f32", "--device", "cuda").AssertFailed(1, "VIDEOSIM_EMULATOR is PTX; it may be ptx");
        AsPtx("ptx", "kernels", "bench", "relu_forward_f32", "--device", "cuda", "--models", "mix").AssertFailed(1, "VIDEOSIM_EMULATOR is ptx, and this program has no machine for PTX");

        Outcome AsPtx(string value, params string[] args) => ChildProcess.Run(new()
        {
            ["VIDEOSIM_EMULATOR"] = value,
            ["VIDEOSIM_CUDA_PATH"] = $"{CommandWorld.Emulator}{Path.PathSeparator}{NativeLibraries.Nvrtc.Path}",
            ["XDG_CACHE_HOME"] = world.Cache,
        }, args);
    }

    private string Softmax(string before, string after)
    {
        string text = KernelSources.Embedded["Softmax.cu"], file = Path.Combine(Directory.CreateDirectory(world.New()).FullName, "Softmax.cu");
        Assert.Contains(before, text, StringComparison.Ordinal);
        File.WriteAllText(file, text.Replace(before, after, StringComparison.Ordinal));
        return file;
    }

    [Fact]
    public void Check_SourceThatDoesNotCompile_SaysItOnceForAllItsKernels()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        string file = Path.Combine(Directory.CreateDirectory(world.New()).FullName, "MeanPool.cu");
        File.WriteAllText(file, KernelSources.Embedded["MeanPool.cu"].Replace("    int count = 0;", "    int unused, count = nonsense;", StringComparison.Ordinal));
        var outcome = Check(["mean_pool_forward", "--source", file]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Single(outcome.Error.Split("nonsense\" is undefined")[1..]);
        Assert.Contains("error: mean_pool_forward_bf16, compilation: as mean_pool_forward_f32\n", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("warning", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(2, outcome.Output.Split("| wrong    | right").Length + outcome.Output.Split("| wrong    | no twin").Length - 2);
        Assert.DoesNotContain("| right            |", outcome.Output, StringComparison.Ordinal); // nothing ran on the emulator
    }

    [Fact]
    public void Check_EntryWhoseChecksLaunchAnother_Passes()
    {
        var outcome = Check(["column_sum_partial_f32"]).AssertDone();
        Assert.Matches(@"(?m)^\| column_sum_partial_f32 .* right +\|", outcome.Output);
        Assert.DoesNotContain("finish", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_OnTheCpu_ChecksTheTwins()
    {
        var outcome = Shell.Run("kernels", "check", "dropout", "--device", "cpu").AssertDone();
        Assert.Matches(@"(?m)^\| dropout_f32 +\| 8197 elements.* right +\|$", outcome.Output);
        Assert.DoesNotContain("bf16", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("cases are", Shell.RunAloud("kernels", "check", "dropout_f32", "--device", "cpu").Error, StringComparison.Ordinal); // neither wrong nor to be looked at
        Shell.Run("kernels", "check", "dropout_bf16", "--device", "cpu").AssertFailed(1, "no kernel 'dropout_bf16' runs on cpu (");
    }

    [Fact]
    public void Bench_OnTheCpu_ShowsTimesOfTheNamedKernels()
    {
        var outcome = Shell.Run("kernels", "bench", "dropout", "pair_loss_backward", "--preset", "micro", "--models", "mix", "mix_asl", "--each-model", "--set", "finetune.batch=3", "--set", "pretrain.batch=7",
            "--threads", "3", "--precision", "fp32", "--seconds", "0.01", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(("micro", "cpu (3 threads)", false), (json.RootElement.GetProperty("preset").GetString(), json.RootElement.GetProperty("device").GetString(), json.RootElement.GetProperty("is_cold").GetBoolean()));
        var expected = from entry in new[] { "dropout_f32", "concat_dropout_forward_f32", "concat_dropout_backward_f32", "pair_loss_backward_f32" }
                       from model in new[] { "mix", "mix-asl" }
                       select (entry, entry.StartsWith("pair", StringComparison.Ordinal) ? $"{model} finetune, batch 3" : $"{model} pretrain, batch 7");
        Assert.Equal(expected, json.RootElement.GetProperty("kernels").EnumerateArray().Select(static kernel => (kernel.GetProperty("entry").GetString()!, kernel.GetProperty("launch").GetString()!)));
        Assert.All(json.RootElement.GetProperty("kernels").EnumerateArray(), static kernel =>
        {
            Assert.InRange(kernel.GetProperty("microseconds").GetProperty("samples").GetInt32(), 10, 300);
            double median = kernel.GetProperty("microseconds").GetProperty("median").GetDouble();
            Assert.Equal(kernel.GetProperty("bytes").GetDouble() / (1e-6 * median) / 1e9, kernel.GetProperty("gigabytes_per_second").GetDouble(), 1e-9);
            Assert.Equal(kernel.GetProperty("floor_microseconds").GetDouble() / median, kernel.GetProperty("share_of_floor").GetDouble(), 1e-9);
        });
        Assert.True(json.RootElement.GetProperty("rates").GetProperty("copy_bytes_per_second").GetDouble() > 1e6);
    }

    [Fact]
    public void NoteImages_DamagedImage_NamesItsFile()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        var compiler = new KernelCompiler(KernelSources.Embedded);
        string folder = world.New();
        Kernel[] kernels = [DropoutKernels.Apply[ElementType.Float32]];
        ShippedKernels.Write(folder, compiler, KernelUnit.Group(kernels), ["sm_90"]);
        string file = Directory.GetFiles(folder).Single();
        File.WriteAllText(file, "damaged");
        var installed = new InstalledKernels(new ShippedKernels(folder, KernelSources.Embedded), compiler);
        installed.Compile(KernelUnit.Group(kernels).Single(), "sm_90");
        var error = new TestStream(isTerminal: false);
        Assert.Equal("compiled", KernelsCommand.NoteImages(installed, new CommandConsole(new TestStream(isTerminal: false), error, TimeProvider.System, json: false, quiet: false, static _ => null)));
        Assert.Equal($"{file}: this compiled kernel is damaged; NVRTC compiled it instead\n", error.Text);
    }

    [Fact]
    public void Bench_NameOfNoKernel_ListsTheFamilies() =>
        Shell.Run("kernels", "bench", "adam", "nonsense").AssertFailed(2, "there is no kernel 'nonsense'", "layernorm");

    private Outcome Check(string[] args)
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        return ChildProcess.Run(new() { ["XDG_CACHE_HOME"] = world.Cache }, ["kernels", "check", .. args]);
    }
}
