using VideoSim.Models.Tests.Datasets;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Commands read videos of every format in the list. The result does not depend on the format.</summary>
[Collection(nameof(CommandTests))]
public sealed class FormatTests(CommandWorld world)
{
    static FormatTests() => VideoFormats.Add(new JsonLinesFormat());

    [Theory]
    [InlineData("test_b", "test_b")]
    [InlineData("test_b/test_b.tfrecords", "test_b/test_b.jsonl")]
    [InlineData("test_b/test_?.tfrecords", "test_b/test_?.jsonl")]
    public void EmbedAndInspect_JsonLines_GiveTheBytesOfTfRecords(string records, string lines)
    {
        string copy = JsonLines();
        Assert.Equal(Embedded(Path.Combine(world.Data, records)), Embedded(Path.Combine(copy, lines)));
        Assert.Equal(Inspected(world.Pretrained, "--batch", "3", "--records", Path.Combine(world.Data, records)), Inspected(world.Pretrained, "--batch", "3", "--records", Path.Combine(copy, lines)));
    }

    [Fact]
    public void Inspect_StepOfARunOnJsonLines_GivesTheBytesOfTfRecords()
    {
        string run = world.New();
        Shell.Run(CommandWorld.Pretrain(JsonLines(), run)).AssertDone();
        Assert.Equal(Inspected(world.Pretrained, "--at", "2"), Inspected(run, "--at", "2"));
    }

    [Fact]
    public void Embed_PatternWithAFileOfNoFormat_ReadsTfRecords()
    {
        string folder = Path.Combine(JsonLines(), "test_b");
        Shell.Run(CommandWorld.Embed(world.Pretrained, Path.Combine(folder, "*"), world.New() + ".json")).AssertFailed(1, Path.Combine(folder, "label.tsv"), "not a TFRecord file");
    }

    private string JsonLines()
    {
        string data = world.CopyOfData();
        JsonLinesFormat.Convert(data, TinyData.FrameWidth);
        return data;
    }

    private byte[] Embedded(string records)
    {
        string output = world.New() + ".npy";
        Shell.Run(CommandWorld.Embed(world.Pretrained, records, output)).AssertDone();
        return File.ReadAllBytes(output);
    }

    private byte[] Inspected(string run, params string[] batch)
    {
        string output = world.New() + ".safetensors";
        Shell.Run(["inspect", "--step", "--checkpoint", run, "--output", output, .. batch]).AssertDone();
        return File.ReadAllBytes(output);
    }
}
