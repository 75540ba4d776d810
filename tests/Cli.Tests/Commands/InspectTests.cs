using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

[Collection(nameof(CommandTests))]
public sealed class InspectTests(CommandWorld world)
{
    // The parameters of docs/reference-system.md, section 3.10, by block.
    [Fact]
    public void Inspect_ReferencePreset_CountsThePublishedParameters()
    {
        var outcome = Shell.Run("inspect", "--model", "mix", "--preset", "reference", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal("mix", json.RootElement.GetProperty("model").GetString());
        Assert.Equal(206_935_371, json.RootElement.GetProperty("total").GetInt64());
        var blocks = json.RootElement.GetProperty("blocks").EnumerateObject().ToDictionary(block => block.Name, block => block.Value.GetInt64());
        var expected = new Dictionary<string, long>
        {
            ["bert.embeddings"] = 16_622_592, ["bert.encoder"] = 85_054_464, ["bert.pooler"] = 590_592,
            ["text_map"] = 787_456, ["gate.norm"] = 5_120, ["gate.dense"] = 7_683,
        };
        for (int expert = 0; expert < 3; expert++)
        {
            expected[$"experts.{expert}.vlad"] = 31_511_560;
            expected[$"experts.{expert}.fusion"] = 540_928;
            expected[$"experts.{expert}.classifier"] = 2_570_000;
        }
        Assert.Equal(expected.OrderBy(block => block.Key, StringComparer.Ordinal), blocks.OrderBy(block => block.Key, StringComparer.Ordinal));
        Assert.Equal(102_267_648, blocks["bert.embeddings"] + blocks["bert.encoder"] + blocks["bert.pooler"]);
    }

    [Theory]
    [InlineData("uniter", "bert", 16_622_592, 220_040, 105_844_376)]
    [InlineData("uniter-asl", "bert", 16_622_592, 220_040, 105_844_376)]
    [InlineData("Uniter_roformer", "roformer", 38_403_072, 248_912, 127_653_728)]
    public void Inspect_UniterReference_HasNoPooler(string model, string encoder, long embeddings, long head, long total)
    {
        var outcome = Shell.Run("inspect", "--model", model, "--preset", "reference", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(total, json.RootElement.GetProperty("total").GetInt64());
        var blocks = json.RootElement.GetProperty("blocks").EnumerateObject().ToDictionary(block => block.Name, block => block.Value.GetInt64());
        Assert.Equal(new Dictionary<string, long>
        {
            [$"{encoder}.embeddings"] = embeddings, [$"{encoder}.encoder"] = 85_054_464, ["frame_map"] = 1_180_416, ["fc"] = 196_864,
            ["classifier"] = 2_570_000, ["mlm"] = head,
        }, blocks);
    }

    [Fact]
    public void Inspect_ForPeople_ShowsTheSameTotal() =>
        Assert.Contains("| total                | 206,935,371 |", Shell.Run("inspect", "--model", "MixNextvlad", "--preset", "reference").AssertDone().Output, StringComparison.Ordinal);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void InspectStep_WritesASafetensorsFile(bool pairs)
    {
        string output = world.New() + ".safetensors", records = Path.Combine(world.Data, "pairwise");
        string[] args = ["inspect", "--step", "--checkpoint", Path.Combine(world.Pretrained, "last"), "--records", records, "--batch", "3", "--output", output];
        Shell.Run(pairs ? [.. args, "--labels", Path.Combine(records, "label.tsv")] : args).AssertDone();
        using var file = Engine.Serialization.SafetensorsReader.Open(output);
        Assert.Equal([pairs ? 6L : 3L, 32L], file.TryFind("embedding")!.Shape);
        Assert.Equal(pairs, file.TryFind("cosine") is not null);
    }

    [Fact]
    public void InspectStep_AtAStep_TakesTheRunsBatchAndNoOther()
    {
        string output = world.New() + ".safetensors";
        string[] args = ["inspect", "--step", "--checkpoint", Path.Combine(world.Pretrained, "checkpoint-0"), "--at", "1", "--output", output];
        Shell.Run(args).AssertDone();
        using (var file = Engine.Serialization.SafetensorsReader.Open(output))
            Assert.Equal(JsonNode.Parse(File.ReadAllText(Path.Combine(world.Pretrained, "args.json")))!["pretrain"]!["batch"]!.GetValue<long>(), file.TryFind("embedding")!.Shape[0]);
        Shell.Run([.. args, "--batch", "3"]).AssertFailed(2, "--at uses the run's own batch; leave out --batch");
        Shell.Run([.. args[..4], "--at", "0", "--output", output]).AssertFailed(2, "--at 0: steps are counted from 1");
    }

    [Fact]
    public void InspectStep_LargerBatchThanTheFile_IsRefused() =>
        Shell.Run("inspect", "--step", "--checkpoint", Path.Combine(world.Pretrained, "last"), "--records", Path.Combine(world.Data, "pairwise"),
            "--batch", "1000", "--output", world.New() + ".safetensors").AssertFailed(1, "a batch of 1000 needs 1000 videos; there are 24");

    [Theory]
    [InlineData("--step uses the checkpoint's model", "--model", "uniter")]
    [InlineData("the file's name must end in .safetensors", "--output", "config.json")]
    [InlineData("--output is empty", "--output", "")]
    [InlineData("leave out --set pretrain.batch=2", "--at", "1", "--set", "pretrain.batch=2")]
    [InlineData("--at takes a whole number, not '1,0'", "--at", "1,0")]
    [InlineData("--batch takes a whole number, not '1,000'", "--batch", "1,000")]
    public void InspectStep_OptionThatWouldBeIgnored_IsWrongUsage(string complaint, params string[] more)
    {
        string[] options = more.Contains("--output") ? more : [.. more, "--output", world.New() + ".safetensors"];
        var outcome = Shell.Run(["inspect", "--step", "--checkpoint", Path.Combine(world.Pretrained, "last"), .. options, .. more.Contains("--at") ? Array.Empty<string>() : ["--records", Path.Combine(world.Data, "test_b")]]);
        outcome.AssertFailed(2, complaint);
        Assert.DoesNotContain("System.", outcome.Error, StringComparison.Ordinal);
    }

    // The run's data has changed since: its batch is gone.
    [Fact]
    public void InspectStepAt_DataThatChanged_IsRefusedByName()
    {
        string data = world.CopyOfData(), run = world.New(), step = world.New() + ".safetensors", shard = Path.Combine(data, "pointwise", "pretrain_0.tfrecords");
        Shell.Run(CommandWorld.Pretrain(data, run)).AssertDone();
        string[] inspect = ["inspect", "--step", "--checkpoint", run, "--at", "1", "--output", step];
        Shell.Run(inspect).AssertDone();
        File.Delete(step);
        File.Delete(shard);
        Shell.Run(inspect).AssertFailed(1, run, $"{shard} is gone since it began");
        Assert.False(File.Exists(step));
    }
}
