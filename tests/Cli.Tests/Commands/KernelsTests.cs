using System.Text.Json;
using VideoSim.Engine.Compilation;
using VideoSim.Kernels;
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
        Shell.Run("kernels", "check", "nonsense").AssertFailed(1, "there is no kernel 'nonsense'", "layernorm");

    [Fact]
    public void Check_SourceOfNoKernel_NamesTheFile()
    {
        string file = Path.Combine(Directory.CreateDirectory(world.New()).FullName, "Nothing.cu");
        File.WriteAllText(file, "");
        Shell.Run("kernels", "check", "dropout", "--source", file).AssertFailed(1, file, "holds no kernel source", "Dropout.cu");
        Shell.Run("kernels", "check", "dropout", "--source", file + "x").AssertFailed(1, file + "x", "there is no such file");
    }

    [Fact]
    public void Check_RightKernel_PassesEveryGateThatThisMachineHas()
    {
        var outcome = Check("--json");
        outcome.AssertDone();
        using var rows = JsonDocument.Parse(outcome.Output);
        var row = rows.RootElement.EnumerateArray().Single(static row => row.GetProperty("entry").GetString() == "dropout_f32");
        Assert.Equal(["right", "right", "right"], new[] { "twin", "cuda", "order" }.Select(gate => row.GetProperty(gate).GetString()));
        Assert.Contains(row.GetProperty("compiles").GetString(), new[] { "right", "skipped" });
    }

    [Theory]
    [InlineData("if (a.Add) {", "if (!a.Add) {", "dropout_f32, CUDA source: ", "bound")]
    [InlineData("const long long last = min(first + BLOCK_ELEMENTS, a.Count);", "const long long last = first + BLOCK_ELEMENTS;", "dropout_f32, CUDA source: ", "out of bounds")]
    [InlineData("Dropout dropout(a.Dropout);", "Dropout dropout(b.Dropout);", "dropout_f32, CUDA source: ", "Dropout.cu:")]
    public void Check_SourceWithAMistake_FailsAndSaysWhat(string right, string wrong, params string[] expected)
    {
        string file = Path.Combine(Directory.CreateDirectory(world.New()).FullName, "Dropout.cu"), text = KernelSources.Embedded["Dropout.cu"];
        Assert.Contains(right, text, StringComparison.Ordinal);
        File.WriteAllText(file, text.Replace(right, wrong, StringComparison.Ordinal));
        var outcome = Check("--source", file);
        Assert.Equal(1, outcome.ExitCode);
        Assert.All(expected, part => Assert.Contains(part, outcome.Error, StringComparison.Ordinal));
    }

    private Outcome Check(params string[] more)
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        // Builds of the emulator are kept in the user's cache: here, one of the tests.
        return ChildProcess.Run(new() { ["XDG_CACHE_HOME"] = Path.GetDirectoryName(world.Data)! }, ["kernels", "check", "dropout_f32", .. more]);
    }
}
