using System.Text.Json;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>kernels show</c>, <c>compile KERNEL</c>, <c>new</c> and <c>clean</c>.</summary>
[Collection(nameof(CommandTests))]
public sealed class KernelFilesTests(CommandWorld world)
{
    [Fact]
    public void Show_Kernel_HasResourcesAndInstructionsOnThreeGpus()
    {
        SkipWithoutTools();
        using var json = JsonDocument.Parse(Shell.Run("kernels", "show", "narrow", "--json").AssertDone().Output);
        Assert.Equal(["sm_80", "sm_86", "sm_90"], json.RootElement.EnumerateArray().Select(static row => row.GetProperty("architecture").GetString()));
        Assert.All(json.RootElement.EnumerateArray(), static row =>
        {
            Assert.Equal(("narrow_bf16", 256, 0), (row.GetProperty("entry").GetString(), row.GetProperty("shape").GetProperty("block_x").GetInt32(), row.GetProperty("resources").GetProperty("stack_bytes").GetInt32()));
            Assert.InRange(row.GetProperty("occupancy").GetProperty("share").GetDouble(), 0.5, 1);
            Assert.InRange(row.GetProperty("instructions").GetProperty("total").GetInt32(), 40, 400);
            Assert.InRange(row.GetProperty("issue_microseconds").GetDouble(), 0.01, row.GetProperty("byte_microseconds").GetDouble());
        });
    }

    [Theory]
    [InlineData("--sass", "EXIT ;")]
    [InlineData("--ptx", ".visible .entry narrow_bf16(")]
    public void Show_Code_HasTheSourcesLines(string form, string code)
    {
        SkipWithoutTools();
        string text = Shell.Run("kernels", "show", "narrow_bf16", form).AssertDone().Output;
        Assert.Contains("// Narrow.cu:17  if (i >= a.Count)\n", text, StringComparison.Ordinal);
        Assert.Contains(code, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_CodeOfSeveralKernels_ListsThem()
    {
        Shell.Run("kernels", "show", "mean_pool_forward", "--ptx").AssertFailed(1, "'mean_pool_forward' is 2 kernels; name one of mean_pool_forward_f32, mean_pool_forward_bf16");
        Shell.Run("kernels", "show", "narrow", "--ptx", "--sass").AssertFailed(2, "--ptx, --sass and --resources exclude each other");
        Shell.Run("kernels", "show", "narrow", "--ptx", "--json").AssertFailed(2, "--json is for --resources");
        Shell.Run("kernels", "show", "narrow", "--architecture", "sm_80").AssertFailed(2, "--architecture is for --sass");
        Shell.Run("kernels", "show", "nonsense").AssertFailed(2, "there is no kernel 'nonsense'");
    }

    [Fact]
    public void Compile_Named_ComparesWithTheTable()
    {
        SkipWithoutTools();
        using var json = JsonDocument.Parse(Shell.Run("kernels", "compile", "narrow", "--json").AssertDone().Output);
        Assert.Equal(["sm_86", "sm_90"], json.RootElement.EnumerateArray().Select(static row => row.GetProperty("architecture").GetString()));
        Assert.All(json.RootElement.EnumerateArray(), static row => Assert.InRange(row.GetProperty("resources").GetProperty("registers").GetInt32(), 8, 64));
        Shell.Run("kernels", "compile", "narrow", "--output-dir", world.New()).AssertFailed(2, "--output-dir writes all kernels: it takes no names");
    }

    // docs/write-a-kernel.md builds and checks the kernel.
    [Fact]
    public void New_Kernel_IsInFourFilesAndTheCatalog()
    {
        string root = Directory.CreateDirectory(world.New()).FullName, kernels = Directory.CreateDirectory(Path.Combine(root, "src/Kernels")).FullName, catalog = Path.Combine(kernels, "Catalog.cs");
        File.WriteAllText(catalog, "    [\n        .. A.AChecks.All,\n    ];\n    more\n");
        ChildProcess.RunIn(Directory.CreateDirectory(Path.Combine(root, "docs")).FullName, "kernels", "new", "RMSGate").AssertDone();
        Assert.Equal("    [\n        .. A.AChecks.All,\n        .. RMSGate.RMSGateChecks.All,\n    ];\n    more\n", File.ReadAllText(catalog));
        Assert.Equal(["RMSGate.Check.cs", "RMSGate.Cpu.cs", "RMSGate.cs", "RMSGate.cu"], Directory.GetFiles(Path.Combine(kernels, "RMSGate")).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        string text = string.Concat(Directory.GetFiles(Path.Combine(kernels, "RMSGate")).Select(File.ReadAllText));
        Assert.Contains("rms_gate_f32", text, StringComparison.Ordinal);
        Assert.Contains("Tunables = [Threads]", text, StringComparison.Ordinal);
        Assert.Contains("\"rms-gate\", \"RMSGate.cu\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("KernelName", text, StringComparison.Ordinal);
        Assert.DoesNotContain("kernel_name", text, StringComparison.Ordinal);
        ChildProcess.RunIn(root, "kernels", "new", "RMSGate").AssertFailed(1, "RMSGate is there already");
        ChildProcess.RunIn(root, "kernels", "new", "Dropout").AssertFailed(2, "there is a kernel dropout_");
        ChildProcess.RunIn(root, "kernels", "new", "rms-gate").AssertFailed(2, "'rms-gate' is not a name such as SwiGlu");
        ChildProcess.RunIn(Path.GetTempPath(), "kernels", "new", "Other").AssertFailed(1, "run this command in a clone of the repository");
    }

    [Fact]
    public void Clean_Caches_FreesThem()
    {
        string cache = world.New(), kernels = new CacheFolder(cache, "videosim/kernels").Open(), build = new CacheFolder(cache, "videosim/emulator/0123").Open();
        File.WriteAllBytes(Path.Combine(kernels, "one.image"), new byte[1000]);
        File.WriteAllBytes(Path.Combine(build, "libcuda.so.1"), new byte[500]);
        var outcome = ChildProcess.Run(new() { ["XDG_CACHE_HOME"] = cache }, ["kernels", "clean", "--json"]).AssertDone();
        Assert.Equal($$"""{"folder":"{{cache}}/videosim","bytes":1500}""", outcome.Output.Trim());
        Assert.Empty(Directory.GetFiles(kernels));
        Assert.False(Directory.Exists(build));
    }

    private static void SkipWithoutTools()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        Assert.SkipWhen(Disassembler.Problem is not null, Disassembler.Problem ?? "");
    }
}
