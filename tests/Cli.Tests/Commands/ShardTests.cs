using System.Runtime.InteropServices;
using System.Text.Json;
using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>--shard</c> and <c>--collect</c>, as several machines give them.</summary>
[Collection(nameof(CommandTests))]
public sealed class ShardTests(CommandWorld world)
{
    [Theory]
    [InlineData(".zip")]
    [InlineData(".zip", "--float32")]
    [InlineData(".json")]
    [InlineData(".npy")]
    [InlineData(".npy", "--float32")]
    public void Embed_ShardsAndCollect_GiveTheBytesOfOneRun(string ending, params string[] more)
    {
        string whole = world.New() + ending, joined = world.New() + ending;
        Embed(whole, more).AssertDone();
        Embed(joined, [.. more, "--shard", "2/2"]).AssertDone();
        Assert.False(File.Exists(joined));
        Embed(joined, [.. more, "--collect"]).AssertFailed(1, $"{joined}: shard 1/2 is missing");
        using var shard = JsonDocument.Parse(Embed(joined, "--shard", "1/2", "--json").AssertDone().Output);
        Assert.Equal(TinyData.TestVideos / 2, shard.RootElement.GetProperty("embeddings").GetInt32());
        Assert.Equal($"{joined}.shard-1-of-2", shard.RootElement.GetProperty("files")[0].GetString());
        using var result = JsonDocument.Parse(Embed(joined, [.. more, "--collect", "--json"]).AssertDone().Output);
        Assert.Equal((TinyData.TestVideos, $"cpu ({RuntimeInformation.ProcessArchitecture})"), (result.RootElement.GetProperty("embeddings").GetInt32(), result.RootElement.GetProperty("device").GetString()));
        foreach (var (expected, actual) in SubmissionFile.FilesOf(whole).Zip(SubmissionFile.FilesOf(joined)))
            Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(actual));
    }

    [Fact]
    public void Import_ShardsAndCollect_GiveTheBytesOfOneRun()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, whole = Path.Combine(folder, "whole"), joined = Path.Combine(folder, "joined");
        for (int i = 0; i < 5; i++)
            File.WriteAllBytes(Path.Combine(folder, $"{i}.npy"), NumpyFile.Of(1 + i, 3));
        File.WriteAllLines(Path.Combine(folder, "v.csv"), ["id,title,tags", .. Enumerable.Range(0, 5).Select(static i => $"{i},video {i},a|b")]);
        var expected = Import(whole).AssertDone();
        Import(joined, "--collect").AssertFailed(1, $"--output-dir {joined}: there are no shards to join; --shard 1/4 writes the first of four");
        Assert.Matches(@"\| pretrain +\| +3 \|", Import(joined, "--shard", "2/2").AssertDone().Output);
        Import(joined, "--collect").AssertFailed(1, $"--output-dir {joined}: shard 1/2 is missing");
        Import(joined, "--shard", "1/2").AssertDone();
        Assert.Equal(expected.Output, Import(joined, "--collect").AssertDone().Output);
        Folders.AssertEqual(whole, joined);

        Outcome Import(string output, params string[] more) => Shell.Run(["data", "import", Path.Combine(folder, "v.csv"), "--output-dir", output, .. more]);
    }

    [Theory]
    [InlineData("5/4", "--shard must be from 1/4 to 4/4, not 5/4")]
    [InlineData("0/4", "--shard must be from 1/4 to 4/4, not 0/4")]
    [InlineData("two", "--shard must be K/N, such as 2/4 for the second of four parts, not 'two'")]
    [InlineData("1/10001", "--shard must have 1 to 10000 parts, not 10001")]
    [InlineData("1/2", "--shard does one part and --collect joins all of them; leave one out", "--collect")]
    public void Options_ThatMakeNoShard_AreRefused(string shard, string complaint, params string[] more)
    {
        string output = world.New();
        Embed(output + ".zip", ["--shard", shard, .. more]).AssertFailed(2, complaint);
        Shell.Run(["data", "import", "v.csv", "--output-dir", output, "--shard", shard, .. more]).AssertFailed(2, complaint);
    }

    [Fact]
    public void Embed_OneVideoOrAnotherEnding_HasNoShards()
    {
        string output = world.New();
        string[] one = ["embed", "--checkpoint", world.Pretrained, "--frames", "a.npy", "--title", "t", "--output", output + ".zip"];
        Shell.Run([.. one, "--shard", "1/1"]).AssertFailed(2, "--shard and --collect are for --records");
        Shell.Run([.. one, "--collect"]).AssertFailed(2, "--shard and --collect are for --records");
        Embed(output + ".txt", "--shard", "1/2").AssertFailed(1, $"{output}.txt: a file of embeddings must end in .zip, .json or .npy");
        Embed(output + ".txt", "--collect").AssertFailed(1, $"{output}.txt: a file of embeddings must end in .zip, .json or .npy");
        Directory.CreateDirectory(output + ".zip.shard-1-of-2");
        Embed(output + ".zip", "--shard", "1/2").AssertFailed(1, $"{output}.zip.shard-1-of-2: cannot be written: it is a folder");
    }

    private Outcome Embed(string output, params string[] more) =>
        Shell.Run([.. CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), Path.Combine(world.Data, "test_b"), output), .. more]);
}
