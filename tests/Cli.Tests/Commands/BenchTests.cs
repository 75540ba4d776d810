using System.Text.Json;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

[Collection(nameof(CommandTests))]
public sealed class BenchTests
{
    [Theory]
    [InlineData("mix", "pretrain")]
    [InlineData("uniter-roformer", "finetune")]
    public void Bench_Step_TellsTimeAndWorkOfEveryKernel(string model, string stage)
    {
        var outcome = Shell.Run("bench", "--model", model, "--stage", stage, "--preset", "micro", "--steps", "3", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        var step = json.RootElement;
        Assert.Equal((model, stage, 3), (step.GetProperty("model").GetString(), step.GetProperty("stage").GetString(), step.GetProperty("steps").GetInt32()));
        Assert.InRange(step.GetProperty("best_milliseconds").GetDouble(), 1e-3, step.GetProperty("median_milliseconds").GetDouble());
        var kernels = step.GetProperty("kernels").EnumerateArray().ToList();
        Assert.Equal(step.GetProperty("launches").GetInt32(), kernels.Sum(static kernel => kernel.GetProperty("launches").GetInt32()));
        Assert.Equal(step.GetProperty("flops").GetDouble(), kernels.Sum(static kernel => kernel.GetProperty("flops").GetDouble()), 1e-6 * step.GetProperty("flops").GetDouble());
        Assert.Contains("adam_f32", kernels.Select(static kernel => kernel.GetProperty("entry").GetString()));
    }
}
