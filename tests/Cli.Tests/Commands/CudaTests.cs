using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>--device cuda</c> over the emulator, and the messages for missing libraries and failures.</summary>
[Collection(nameof(CommandTests))]
public sealed class CudaTests(CommandWorld world)
{
    private static readonly Lazy<string> ExitHandler = new(BuildExitHandler);

    [Fact]
    public void Pretrain_NoDriver_SaysWhatToInstall()
    {
        Assert.SkipWhen(NativeLibraries.Cuda.Path is not null, "there is a driver");
        string output = world.New();
        Shell.Run(Pretrain(output)).AssertFailed(1, "libcuda.so.1 was not found", "install NVIDIA's driver (Debian: nvidia-driver), or name its folder in VIDEOSIM_CUDA_PATH");
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public void Pretrain_LibraryThatIsNoDriver_SaysSo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the names are those of Linux");
        string folder = Directory.CreateDirectory(world.New()).FullName;
        string other = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "libSystem.Native.so");
        foreach (string name in new[] { "libcuda.so.1", "libcublasLt.so.13" })
            File.Copy(other, Path.Combine(folder, name));
        ChildProcess.Run(new() { ["VIDEOSIM_CUDA_PATH"] = folder }, Pretrain(world.New()))
            .AssertFailed(1, Path.Combine(folder, "libcuda.so.1"), "is not NVIDIA's driver", "install NVIDIA's driver");
    }

    [Fact]
    public void Pretrain_NoMatrixProducts_SaysWhatToInstall()
    {
        SkipUnlessEmulated();
        Assert.SkipWhen(NativeLibraries.CublasLt.Path is not null, "there is cuBLASLt");
        string folder = Directory.CreateDirectory(world.New()).FullName;
        File.CreateSymbolicLink(Path.Combine(folder, "libcuda.so.1"), Path.Combine(CommandWorld.Emulator, "libcuda.so.1"));
        ChildProcess.Run(new() { ["VIDEOSIM_CUDA_PATH"] = folder }, Pretrain(world.New()))
            .AssertFailed(1, "libcublasLt.so.13 was not found", "install cuBLASLt", "VIDEOSIM_CUDA_PATH");
    }

    [Fact]
    public void KernelsCompile_NoCompiler_SaysWhatToInstall()
    {
        var alone = new Dictionary<string, string> { ["VIDEOSIM_CUDA_PATH"] = "" };
        Assert.SkipUnless(ChildProcess.Run(alone, "devices").Output.Contains("libnvrtc.so.13 was not found", StringComparison.Ordinal), "NVRTC is installed on this machine");
        ChildProcess.Run(alone, "kernels", "compile").AssertFailed(1, "libnvrtc.so.13 was not found", "install NVRTC", "VIDEOSIM_CUDA_PATH");
    }

    [Theory]
    [InlineData("cuda", "device", "finds no NVIDIA GPU in this machine")]
    [InlineData("cuda:1", "", "cuda:1", "CUDA_ERROR_INVALID_DEVICE")]
    [InlineData("cuda", "allocation=1", "cuda:0 emulator has no room for another", "bytes, needed for the weights of the model")]
    [InlineData("cuda", "allocation=6", "cuda:0 emulator has no room for another", "bytes, needed for")]
    [InlineData("cuda", "launch=5", "CUDA_ERROR_LAUNCH_FAILED", "cuda:0 emulator")]
    [InlineData("cuda", "launch=100", "CUDA_ERROR_LAUNCH_FAILED", "cuda:0 emulator")]
    [InlineData("cuda", "lost=3", "CUDA_ERROR_UNKNOWN: the device is lost", "cuda:0 emulator")]
    [InlineData("cuda", "lost=120", "CUDA_ERROR_UNKNOWN: the device is lost", "cuda:0 emulator")]
    [InlineData("cuda", "call=cuCtxSetCurrent:2", "cuCtxSetCurrent failed with 999", "cuda:0 emulator")]
    [InlineData("cuda", "call=cuModuleLoadData:3", "cuModuleLoadData of", "cuda:0 emulator")]
    [InlineData("cuda", "call=cuMemcpyHtoDAsync_v2:9", "cuMemcpyHtoDAsync_v2 failed with 999", "cuda:0 emulator")]
    [InlineData("cuda", "call=cuStreamWaitEvent:4", "cuStreamWaitEvent failed with 999", "cuda:0 emulator")]
    [InlineData("cuda", "call=cuStreamCreate:2", "cuStreamCreate failed with 999", "cuda:0 emulator")]
    [InlineData("cuda", "call=cuGraphInstantiateWithFlags:1", "cuGraphInstantiateWithFlags failed with 999", "cuda:0 emulator")]
    [InlineData("cuda", "call=cublasLtMatmul:7", "cublasLtMatmul of", "failed with 13", "cuda:0 emulator")]
    [InlineData("cuda", "call=cublasLtMatmulAlgoGetHeuristic:3", "cublasLtMatmulAlgoGetHeuristic of", "failed with 13", "cuda:0 emulator")]
    public void Pretrain_SomethingFails_SaysItInOneLine(string device, string failure, params string[] parts)
    {
        SkipUnlessEmulated();
        RunEmulated(failure, Pretrain(world.New(), device)).AssertFailed(1, parts);
    }

    // The emulator's own calls wait for ever, as a GPU's do: any call that should have been left out would hang the
    // test. Exit handlers, which a driver has, would make the exit code another one.
    [Theory]
    [InlineData("0", "last kernel adam_f32, grid|in a graph of")]
    [InlineData("1", "last kernel adam_f32, grid")]
    public void Bench_KernelThatNeverEnds_NamesItAndEnds(string blocking, string named)
    {
        SkipUnlessEmulated();
        var outcome = RunStuck("adam_f32", blocking, "bench", "--model", "uniter", "--preset", "micro", "--device", "cuda", "--steps", "2", "--json");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Matches($@"^error: cuStreamQuery failed with 600 \(the device has not finished after 0\.5 s\) on cuda:0 emulator, .*({named})", outcome.Error);
        Assert.False(JsonDocument.Parse(outcome.Output).RootElement.GetProperty("complete").GetBoolean());
    }

    [Fact]
    public void KernelsBench_KernelThatNeverEnds_KeepsTheRowsBeforeIt()
    {
        SkipUnlessEmulated();
        var outcome = RunStuck("tanh_forward_bf16", "0", "kernels", "bench", "tanh_forward", "dropout", "--device", "cuda", "--models", "mix", "--seconds", "0.01", "--json");
        Assert.Equal(1, outcome.ExitCode);
        var rows = JsonDocument.Parse(outcome.Output).RootElement.GetProperty("kernels").EnumerateArray().ToLookup(static row => row.GetProperty("error").ValueKind == JsonValueKind.Null, static row => row.GetProperty("entry").GetString());
        Assert.NotEmpty(rows[true]);
        Assert.Contains("tanh_forward_bf16", rows[false]);
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("0")]
    public void Bench_WaitThatIsNoNumberOfSeconds_SaysSo(string seconds)
    {
        SkipUnlessEmulated();
        ChildProcess.Run(new() { ["VIDEOSIM_CUDA_PATH"] = CommandWorld.Emulator, ["VIDEOSIM_WAIT_SECONDS"] = seconds }, "bench", "--model", "uniter", "--preset", "micro", "--device", "cuda")
            .AssertFailed(1, $"VIDEOSIM_WAIT_SECONDS={seconds}: a number of seconds is needed");
    }

    // tests/faults.sh tries every allocation, launch and call.
    [Fact]
    public void Pretrain_OnCudaStoppedByAFault_GoesOnAndEndsWithTheSameFiles()
    {
        SkipUnlessEmulated();
        string whole = world.New();
        RunEmulated("", Pretrain(whole)).AssertDone();
        string stopped = world.New();
        RunEmulated("lost=215", Pretrain(stopped)).AssertFailed(1, "CUDA_ERROR_UNKNOWN: the device is lost");
        Assert.True(Directory.Exists(Path.Combine(stopped, "checkpoint-1")), "the fault came too early to leave a checkpoint");
        RunEmulated("", Pretrain(stopped)).AssertDone();
        Folders.AssertEqual(whole, stopped);
    }

    // The file is gone when the run continues.
    [Fact]
    public void Pretrain_WithATuningTableStoppedByAFault_GoesOnWithItsCopy()
    {
        SkipUnlessEmulated();
        string table = world.New() + ".json";
        string[] tune = ["bench", "tune", "--models", "mix", "--stage", "pretrain", "--preset", "micro", "--output", table, .. TinyData.Overrides.SelectMany(static text => new[] { "--set", text })];
        var tuned = ChildProcess.RunAloud(Emulated(""), [.. tune, "--json"]);
        Assert.Equal(0, tuned.ExitCode);
        Assert.Contains("this device is the emulator: its times do not apply to a GPU", tuned.Error, StringComparison.Ordinal);
        using (var json = JsonDocument.Parse(tuned.Output))
            Assert.Equal((0, true), (json.RootElement.GetProperty("kept").GetInt32(), json.RootElement.GetProperty("products").GetArrayLength() > 10));
        string[] again = RunEmulated("", tune).AssertDone().Output.Split('\n');
        Assert.StartsWith("| product, cuda:0 emulator", again[0], StringComparison.Ordinal);
        Assert.True(EmulatedTuning.PickSecond(table) > 10);

        string whole = world.New(), stopped = world.New(), plain = world.New();
        RunEmulated("", [.. Pretrain(whole), "--tuning", table]).AssertDone();
        RunEmulated("lost=215", [.. Pretrain(stopped), "--tuning", table]).AssertFailed(1, "CUDA_ERROR_UNKNOWN: the device is lost");
        Assert.True(Directory.Exists(Path.Combine(stopped, "checkpoint-1")), "the fault came too early to leave a checkpoint");
        byte[] content = File.ReadAllBytes(table);
        File.Delete(table);
        RunEmulated("", [.. Pretrain(stopped), "--tuning", table]).AssertDone();
        Folders.AssertEqual(whole, stopped);
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(whole, "tuning.json")));
        RunEmulated("", Pretrain(plain)).AssertDone();
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(plain, "last", "model.safetensors")), File.ReadAllBytes(Path.Combine(whole, "last", "model.safetensors")));

        File.WriteAllText(table, Encoding.UTF8.GetString(content) + "\n");
        RunEmulated("", [.. Pretrain(whole), "--tuning", table]).AssertFailed(1, "has a run with other arguments: tuning_sha256 was ");
        RunEmulated("", [.. Pretrain(plain), "--tuning", table]).AssertFailed(1, "tuning_sha256 was absent and is ");
        var finished = ChildProcess.RunAloud(Emulated(""), Pretrain(whole));
        Assert.Equal(0, finished.ExitCode);
        Assert.Contains($"{Path.Combine(whole, "tuning.json")}: the run continues with this tuning table", finished.Error, StringComparison.Ordinal);
        RunEmulated("", [.. Pretrain(whole), "--tuning", Path.Combine(whole, "tuning.json"), "--overwrite-output-dir"]).AssertFailed(1, "--tuning: ", "would be deleted with the run");
    }

    [Fact]
    public void Tuning_OfAnotherGpuOrDevice_IsRefusedBeforeTheWork()
    {
        string table = world.New() + ".json", output = world.New();
        File.WriteAllText(table, """{"format":1,"gpu":"NVIDIA H100","cublaslt":"12.4.5","date":"2026-11-30","products":[]}""");
        string[][] commands =
        [
            Pretrain(output), CommandWorld.Finetune(world.Data, Path.Combine(world.Pretrained, "last"), output, "--device", "cuda"),
            ["reproduce", "--preset", "micro", "--models", "mix", "--output-dir", output, "--device", "cuda"], ["bench", "--model", "mix", "--preset", "micro", "--device", "cuda"],
        ];
        foreach (string[] command in commands)
        {
            string[] onTheCpu = [.. command.TakeWhile(static word => word != "--device"), .. command.SkipWhile(static word => word != "--device").Skip(2)];
            Shell.Run([.. onTheCpu, "--tuning", table]).AssertFailed(2, "--tuning is for cuBLASLt, which the CPU does not use: add --device cuda");
            if (EmulatorBuild.Problem is null)
                RunEmulated("", [.. command, "--tuning", table]).AssertFailed(1, $"{table}: is a table of NVIDIA H100 with cuBLASLt 12.4.5, and this is emulator with cuBLASLt 12.4.0");
            Assert.False(Directory.Exists(output));
        }
        // The copy of a fold is the table of the command. A CPU may collect what GPUs have made.
        string folds = world.New(), parts = world.New();
        RunWithCopy(Path.Combine(folds, "fold-2"), "finetune", table);
        RunWithCopy(parts, "reproduce", table);
        if (EmulatorBuild.Problem is null)
        {
            RunEmulated("", "finetune", "--model", "mix", "--data", world.Data, "--output-dir", folds, "--pretrained", world.Pretrained, "--fold", "all", "--device", "cuda")
                .AssertFailed(1, $"{Path.Combine(folds, "fold-2", "tuning.json")}: is a table of NVIDIA H100");
        }
        Shell.Run("reproduce", "--preset", "micro", "--models", "mix", "--folds", "1", "--output-dir", parts, "--collect").AssertFailed(1, "2 of 2 parts are not done");
        Shell.Run("bench", "tune", "--device", "cpu").AssertFailed(2, "--device cpu: the CPU does not use cuBLASLt");
        Shell.Run("bench", "tune", "--stage", "tune").AssertFailed(2, "--stage cannot be 'tune'; it must be pretrain or finetune");
    }

    [Fact]
    public void Embed_OnCuda_IsAsOnTheCpu()
    {
        SkipUnlessEmulated();
        string cuda = world.New() + ".npy", cpu = world.New() + ".npy";
        RunEmulated("", [.. Embed(cuda), "--device", "cuda"]).AssertDone();
        Shell.Run(Embed(cpu)).AssertDone();
        var (expected, actual) = (SubmissionFile.Read(cpu), SubmissionFile.Read(cuda));
        Assert.Equal(expected.Ids, actual.Ids);
        for (int row = 0; row < expected.Ids.Count; row++)
        {
            for (int i = 0; i < expected.Width; i++)
                Assert.Equal(expected[row][i], actual[row][i], 1e-5);
        }
    }

    [Fact]
    public void KernelsBench_OnTheEmulator_TimesKernelsAndSaysThatTheTimesMeanNothing()
    {
        SkipUnlessEmulated();
        var outcome = RunEmulated("", "kernels", "bench", "adam", "tanh_forward", "sigmoid_forward", "--device", "cuda", "--seconds", "0.01", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(("cuda:0 emulator", "micro"), (json.RootElement.GetProperty("device").GetString(), json.RootElement.GetProperty("preset").GetString()));
        Assert.True(json.RootElement.GetProperty("emulated").GetBoolean() && json.RootElement.GetProperty("is_cold").GetBoolean() && json.RootElement.GetProperty("complete").GetBoolean());
        Assert.Equal(("12.4", JsonValueKind.Object), (json.RootElement.GetProperty("driver").GetString(), json.RootElement.GetProperty("clocks").ValueKind));
        Assert.All(["date", "commit", "machine", "processor"], name => Assert.NotEqual("", json.RootElement.GetProperty(name).GetString()));
        Assert.Equal("compiled", json.RootElement.GetProperty("kernels_from").GetString());
        Assert.Equal(NativeLibraries.Nvrtc.Path is not null, json.RootElement.GetProperty("versions").TryGetProperty("nvrtc", out _));
        Assert.Equal([("tanh_forward_f32", true), ("sigmoid_forward_f32", false), ("adam_f32", true)],
            json.RootElement.GetProperty("kernels").EnumerateArray().Select(static kernel => (kernel.GetProperty("entry").GetString()!, kernel.GetProperty("is_of_step").GetBoolean()))
                .Where(static kernel => kernel.Item1.EndsWith("_f32", StringComparison.Ordinal)));
    }

    // The device is lost with the fault: what comes after has no rows.
    [Fact]
    public void KernelsBench_KernelThatFaults_WritesWhatItHas()
    {
        SkipUnlessEmulated();
        var outcome = RunEmulated("launch=1", "kernels", "bench", "adam", "--device", "cuda", "--seconds", "0.01", "--precision", "fp32", "--json");
        outcome.AssertFailed(1, "the device's rates: ", "CUDA_ERROR_LAUNCH_FAILED", "cuda:0 emulator");
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.False(json.RootElement.GetProperty("complete").GetBoolean());
        Assert.Contains("CUDA_ERROR_LAUNCH_FAILED", json.RootElement.GetProperty("rates_error").GetString(), StringComparison.Ordinal);
        Assert.Empty(json.RootElement.GetProperty("kernels").EnumerateArray());
    }

    [Fact]
    public void KernelsBench_NoMatrixProducts_TimesKernelsAllTheSame()
    {
        SkipUnlessEmulated();
        Assert.SkipWhen(NativeLibraries.CublasLt.Path is not null, "there is cuBLASLt");
        string folder = Directory.CreateDirectory(world.New()).FullName;
        foreach (string library in Directory.GetFiles(CommandWorld.Emulator, "*.so*").Where(static file => !file.Contains("cublasLt", StringComparison.Ordinal)))
            File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(library)), library);
        var outcome = ChildProcess.Run(new() { ["VIDEOSIM_CUDA_PATH"] = $"{folder}{Path.PathSeparator}{NativeLibraries.Nvrtc.Path}" },
            "kernels", "bench", "adam_f32", "--models", "mix", "--device", "cuda", "--seconds", "0.01", "--precision", "fp32", "--json");
        Assert.Equal(1, outcome.ExitCode);
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("rates").ValueKind);
        Assert.Contains("libcublasLt.so.13 was not found", json.RootElement.GetProperty("rates_error").GetString(), StringComparison.Ordinal);
        var row = Assert.Single(json.RootElement.GetProperty("kernels").EnumerateArray());
        Assert.True(row.GetProperty("microseconds").GetProperty("median").GetDouble() > 0);
        Assert.Equal(JsonValueKind.Null, row.GetProperty("floor_microseconds").ValueKind);
        Assert.False(row.GetProperty("is_finite").GetBoolean());
    }

    [Fact]
    public void KernelsCheck_OnTheDevice_ListsEveryCaseTheWorstFirst()
    {
        SkipUnlessEmulated();
        var outcome = RunEmulated("", "kernels", "check", "dropout_f32", "--device", "cuda", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        var rows = json.RootElement.EnumerateArray().ToList();
        Assert.Equal(Cases("dropout_f32").Order(), rows.Select(static row => row.GetProperty("case").GetString()!).Order());
        Assert.All(rows, static row => Assert.Equal(("dropout_f32", true, "right"), (row.GetProperty("entry").GetString(), row.GetProperty("bits_equal").GetBoolean(), row.GetProperty("verdict").GetString())));
        double[] ratios = [.. rows.Select(static row => row.GetProperty("error_over_bound").GetDouble())];
        Assert.Equal(ratios.OrderDescending(), ratios);
        Assert.InRange(ratios[0], 1e-3, 1);
    }

    // Three launches for each case.
    [Fact]
    public void KernelsCheck_KernelThatFaults_KeepsTheCasesBeforeItAndNamesIt()
    {
        SkipUnlessEmulated();
        string[] cases = [.. Cases("dropout_f32")];
        var outcome = RunEmulated("launch=8", "kernels", "check", "dropout_f32", "--device", "cuda");
        outcome.AssertFailed(1, $"dropout_f32, {cases[2]}: ", "CUDA_ERROR_LAUNCH_FAILED", "cuda:0 emulator");
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[2..];
        Assert.Equal(3, lines.Length);
        Assert.Matches($@"^\| dropout_f32 \| {cases[2]} .*\| FAILED +\|$", lines[0]);
        Assert.All(lines[1..], static line => Assert.Matches(@"\| equal +\| right +\|$", line));
    }

    [Fact]
    public void KernelsCheck_MemoryRunsOut_FailsThatCaseAndRunsTheOthers()
    {
        SkipUnlessEmulated();
        string[] cases = [.. Cases("dropout_f32")];
        var outcome = RunEmulated("allocation=3", "kernels", "check", "dropout_f32", "--device", "cuda", "--json");
        outcome.AssertFailed(1, $"dropout_f32, {cases[0]}: cuda:0 emulator has no room for another");
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(["FAILED", .. Enumerable.Repeat("right", cases.Length - 1)], json.RootElement.EnumerateArray().Select(static row => row.GetProperty("verdict").GetString()));
    }

    [Fact]
    public void KernelsCheck_DeviceWithOptionsOfTheEmulator_IsRefused()
    {
        Shell.Run("kernels", "check", "dropout", "--device", "cuda", "--source", "Dropout.cu").AssertFailed(2, "--source cannot be used with --device", "VIDEOSIM_KERNELS");
        Shell.Run("kernels", "check", "dropout", "--device", "cuda", "--kernels", world.Data).AssertFailed(2, "--kernels cannot be used with --device");
        Shell.Run("kernels", "check", "dropout", "--device", "gpu").AssertFailed(2, "--device gpu: the devices are cpu, cuda and cuda:N");
    }

    [Fact]
    public void KernelsCheck_DamagedCompiledKernels_CompilesThemAgain()
    {
        SkipUnlessEmulated();
        string cache = Directory.CreateDirectory(world.New()).FullName;
        string[] command = ["kernels", "check", "dropout_f32", "--device", "cuda", "--json"];
        var environment = new Dictionary<string, string> { ["XDG_CACHE_HOME"] = cache };
        string expected = RunEmulatedWith(environment, "", command).AssertDone().Output;
        string[] entries = Directory.GetFiles(cache, "*.image", SearchOption.AllDirectories);
        Assert.NotEmpty(entries);
        byte[][] whole = [.. entries.Select(File.ReadAllBytes)];
        foreach (string entry in entries)
            File.WriteAllText(entry, "damaged");
        Assert.Equal(expected, RunEmulatedWith(environment, "", command).AssertDone().Output);
        Assert.Equal(whole, entries.Select(File.ReadAllBytes));
    }

    // The folder of a run that began with a table and has no step.
    private static void RunWithCopy(string folder, string command, string table)
    {
        Directory.CreateDirectory(folder);
        File.Copy(table, Path.Combine(folder, "tuning.json"));
        string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(table)));
        File.WriteAllText(Path.Combine(folder, "args.json"), $$"""{"command":"{{command}}","preset":"micro","seed":1,"tuning_sha256":"{{hash}}"}""");
    }

    private static IEnumerable<string> Cases(string entry) =>
        Catalog.All.Where(check => check.Kernel.Entry == entry).SelectMany(static check => check.Cases()).Select(static check => check.Name);

    private string[] Embed(string output) =>
        [.. CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), Path.Combine(world.Data, "test_a"), output), "--float32"];

    private string[] Pretrain(string output, string device = "cuda") => CommandWorld.Pretrain(world.Data, output, "--device", device);

    private static Outcome RunEmulated(string failure, params string[] args) => RunEmulatedWith([], failure, args);

    private static Outcome RunEmulatedWith(Dictionary<string, string> environment, string failure, params string[] args) =>
        ChildProcess.Run(new(environment.Concat(Emulated(failure))), args);

    private static Dictionary<string, string> Emulated(string failure) => new()
    {
        ["VIDEOSIM_CUDA_PATH"] = $"{CommandWorld.Emulator}{Path.PathSeparator}{NativeLibraries.Nvrtc.Path}",
        ["EMULATOR_FAIL"] = failure,
    };

    private static Outcome RunStuck(string kernel, string blocking, params string[] args) => ChildProcess.Run(new()
    {
        ["VIDEOSIM_CUDA_PATH"] = $"{CommandWorld.Emulator}{Path.PathSeparator}{NativeLibraries.Nvrtc.Path}",
        ["EMULATOR_FAIL"] = $"hang={kernel}",
        ["CUDA_LAUNCH_BLOCKING"] = blocking,
        ["VIDEOSIM_WAIT_SECONDS"] = "0.5",
        ["LD_PRELOAD"] = ExitHandler.Value,
    }, args);

    // A library whose exit handler ends the process with 99.
    private static string BuildExitHandler()
    {
        string folder = Directory.CreateTempSubdirectory("videosim-test-").FullName, source = Path.Combine(folder, "handler.cpp"), library = Path.Combine(folder, "handler.so");
        File.WriteAllText(source, "#include <unistd.h>\n__attribute__((destructor)) static void end() { _exit(99); }\n");
        using var build = Process.Start("g++", ["-shared", "-fPIC", "-o", library, source]);
        build.WaitForExit();
        Assert.Equal(0, build.ExitCode);
        return library;
    }

    private static void SkipUnlessEmulated()
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
    }
}
