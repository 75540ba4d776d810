using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Models.Datasets;
using VideoSim.Models.Records;
using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>From a model to similar videos: <c>embed</c> of files and of one video, and <c>search</c>.</summary>
[Collection(nameof(CommandTests))]
public sealed class SearchTests(CommandWorld world)
{
    [Fact]
    public void Embed_OfARun_TakesItsBest()
    {
        string run = world.CopyOfRun(), best = Path.Combine(run, "best");
        Directory.Delete(best, recursive: true);
        Directory.Move(Path.Combine(run, "checkpoint-1"), best);
        byte[] ofRun = File.ReadAllBytes(Embed(run));
        Assert.Equal(File.ReadAllBytes(Embed(best)), ofRun);
        Assert.NotEqual(File.ReadAllBytes(Embed(Path.Combine(run, "last"))), ofRun);
    }

    // The records have 1 to 12 frames, the model samples 8.
    [Theory]
    [InlineData("<f2")]
    [InlineData("<f4")]
    public void Embed_OneVideo_HasTheBitsOfItsRecord(string type)
    {
        string records = Path.Combine(world.Data, "test_b", "test_b.tfrecords"), all = world.New() + ".npy";
        Shell.Run([.. CommandWorld.Embed(world.Pretrained, records, all), "--float32"]).AssertDone();
        var expected = SubmissionFile.Read(all);
        var videos = RecordIndex.Build([records], TinyData.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        using var reader = videos.OpenReader();
        for (int number = 0; number < 6; number++)
        {
            string frames = world.New() + ".npy", output = world.New() + ".npy", id = Encoding.UTF8.GetString(reader.Read(number).Id), title = Encoding.UTF8.GetString(reader.Read(number).Title);
            WriteFrames(frames, reader.Read(number).Frames, type);
            Shell.Run("embed", "--checkpoint", world.Pretrained, "--frames", frames, "--title", title, "--id", id, "--output", output, "--float32").AssertDone();
            var one = SubmissionFile.Read(output);
            Assert.Equal([id], one.Ids);
            Assert.True(expected.TryFind(id, out int row));
            Assert.Equal(expected[row].ToArray(), one[0].ToArray());
        }
    }

    [Fact]
    public void Embed_OneVideo_TakesItsIdFromTheFile()
    {
        string frames = Path.Combine(Directory.CreateDirectory(world.New()).FullName, "holiday.npy"), output = world.New() + ".json";
        File.WriteAllBytes(frames, NumpyFile.Of(3, TinyData.FrameWidth));
        Shell.Run("embed", "--checkpoint", world.Pretrained, "--frames", frames, "--title", "海边", "--output", output).AssertDone();
        Assert.Equal(["holiday"], SubmissionFile.Read(output).Ids);

        File.WriteAllBytes(frames, NumpyFile.Of(3, 32));
        Shell.Run("embed", "--checkpoint", world.Pretrained, "--frames", frames, "--title", "海边", "--output", output)
            .AssertFailed(1, $"{frames}: frames have 32 values, but the model in {Path.Combine(world.Pretrained, "best")} takes 64");
    }

    [Theory]
    [InlineData("a\tb", "the id has a tab, a line break or a NUL")]
    [InlineData("a\nb", "the id has a tab, a line break or a NUL")]
    [InlineData(300, "the id has 300 bytes; at most 255 are allowed")]
    [InlineData(null, "the id is empty")]
    public void Embed_OneVideoWithABadId_IsRefused(object? id, string complaint)
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, frames = Path.Combine(folder, ".npy"), output = Path.Combine(folder, "e.json");
        File.WriteAllBytes(frames, NumpyFile.Of(3, TinyData.FrameWidth));
        string[] command = ["embed", "--checkpoint", world.Pretrained, "--frames", frames, "--title", "", "--output", output], given = id is null ? [] : ["--id", id as string ?? new string('x', (int)id)];
        Shell.Run([.. command, .. given]).AssertFailed(1, $"{frames}: {complaint}; choose another with --id");
        Shell.Run([.. command, "--id", "5"]).AssertDone(); // a title may be empty
        Assert.Equal(["5"], SubmissionFile.Read(output).Ids);
    }

    [Fact]
    public void Embed_FolderWithoutAModel_NamesFoldersWithOne()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, output = world.New() + ".npy", run = Path.Combine(folder, "fold-10");
        string[] command = CommandWorld.Embed(folder, Path.Combine(world.Data, "test_b"), output);
        string complaint = $"{Path.Combine(folder, "config.json")}: there is no such file; {folder} is neither a model folder nor the folder of a finished run";
        Assert.Equal($"error: {complaint}\n", Shell.Run(command).Error);
        Directory.Move(world.CopyOfRun(), Path.Combine(folder, "fold-2"));
        Directory.Move(world.CopyOfRun(), run);
        Shell.Run(command).AssertFailed(1, $"{complaint}; name one of its folders fold-2, fold-10");
        Directory.Delete(Path.Combine(run, "best"), recursive: true);
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        Shell.Run(CommandWorld.Embed(run, Path.Combine(world.Data, "test_b"), output)).AssertFailed(1, $"{run} is not finished (step 2 of 2)", "it has no model yet");
    }

    [Theory]
    [InlineData("embed needs either --records, or --frames and --title")]
    [InlineData("embed needs either --records, or --frames and --title", "--records", "r", "--frames", "x.npy")]
    [InlineData("--frames and --title belong together", "--frames", "x.npy")]
    [InlineData("--frames and --title belong together", "--records", "r", "--title", "t")]
    [InlineData("--id is for the video of --frames; leave it out", "--records", "r", "--id", "1")]
    public void Embed_OptionsThatDoNotFit_AreRefused(string complaint, params string[] options) =>
        Shell.Run(["embed", "--checkpoint", "c", "--output", "e.npy", .. options]).AssertFailed(2, complaint);

    [Fact]
    public void Search_ShowsIdsCosinesAndTitles()
    {
        string records = Path.Combine(world.Data, "test_b"), file = Embed(world.Pretrained);
        var table = SubmissionFile.Read(file);
        var nearest = Enumerable.Range(1, table.Ids.Count - 1).Select(row => (Id: table.Ids[row], Cosine: PairScoring.Cosine(table[0], table[row])))
            .OrderByDescending(static other => other.Cosine).ThenBy(static other => other.Id, StringComparer.Ordinal).ToArray();

        var json = JsonNode.Parse(Shell.Run("search", "--embeddings", file, "--id", table.Ids[0], "--top", "3", "--records", records, "--json").AssertDone().Output)!;
        var query = Assert.Single(json.AsArray())!;
        Assert.Equal((table.Ids[0], Title(records, table.Ids[0])), ((string)query["id"]!, (string)query["title"]!));
        Assert.Equal(nearest.Take(3).Select(found => (found.Id, found.Cosine, Title(records, found.Id))),
            query["similar"]!.AsArray().Select(static found => ((string)found!["id"]!, (double)found["cosine"]!, (string)found["title"]!)));

        string[] lines = Shell.Run("search", "--embeddings", file, "--id", table.Ids[0], "--top", "100", "--records", records).AssertDone().Output.TrimEnd().Split('\n');
        Assert.Equal(2 + nearest.Length, lines.Length); // fewer than 100
        Assert.Matches(@"^\| id +\| cosine \| title +\|$", lines[0]);
        Assert.StartsWith($"| {nearest[0].Id} | {nearest[0].Cosine.ToString("F4", System.Globalization.CultureInfo.InvariantCulture)} | {Title(records, nearest[0].Id)} ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Embed_SeveralFiles_EmbedsAllOfThem()
    {
        string folder = Path.Combine(world.Data, "test_b"), file = Path.Combine(folder, "test_b.tfrecords"), both = world.New() + ".npy";
        Shell.Run("embed", "--checkpoint", world.Pretrained, "--records", folder, Path.Combine(world.Data, "test_a", "test_a.tfrecords"), "--output", both).AssertDone();
        Assert.Equal(2 * TinyData.TestVideos, SubmissionFile.Read(both).Ids.Count);
        Shell.Run("embed", "--checkpoint", world.Pretrained, "--records", folder, file, "--output", both).AssertFailed(1, $"{file}: is given twice");
    }

    [Fact]
    public void Search_ByAFile_FindsTheSameForEachOfItsVideos()
    {
        string file = Embed(world.Pretrained);
        string all = Shell.Run("search", "--embeddings", file, "--query", file, "--top", "2").AssertDone().Output;
        Assert.Matches(@"^\| query +\| id +\| cosine \|\n", all);
        foreach (string id in SubmissionFile.Read(file).Ids.Take(3))
        {
            foreach (string line in Shell.Run("search", "--embeddings", file, "--id", id, "--top", "2").AssertDone().Output.TrimEnd().Split('\n')[2..])
                Assert.Contains($"| {id} {line}\n", all, StringComparison.Ordinal);
        }
        string json = world.New() + ".json";
        File.WriteAllText(json, """{"new":[1,2]}""");
        Shell.Run("search", "--embeddings", file, "--query", json).AssertFailed(1, $"{json}: 2 values per id, but {file} has 32");
    }

    [Fact]
    public void Search_OddIds_AreWholeAndStayInTheirCells()
    {
        string file = world.New() + ".json", longest = new('x', 255);
        File.WriteAllText(file, $$"""{"q":[1,0],"{{longest}}":[1,0],"a|b":[1,1],"c\u202ed":[0,1]}""");
        string[] lines = Shell.Run("search", "--embeddings", file, "--id", "q").AssertDone().Output.TrimEnd().Split('\n');
        Assert.Equal([$"| {longest} | 1.0000 |", $"| {@"a\|b",-255} | 0.7071 |", $"| {@"c\u202ed",-255} | 0.0000 |"], lines[2..]);
    }

    [Fact]
    public void Search_WrongUse_IsRefused()
    {
        string file = Embed(world.Pretrained), id = SubmissionFile.Read(file).Ids[5];
        Shell.Run("search", "--embeddings", file).AssertFailed(2, "search needs one of --id, --vectors and --frames");
        Shell.Run("search", "--embeddings", file, "--id", id, "--query", file).AssertFailed(2, "search needs one of --id, --vectors and --frames");
        Shell.Run("search", "--embeddings", file, "--id", id, "--top", "0").AssertFailed(2, "--top must be positive, not 0");
        Shell.Run("search", "--embeddings", file, "--id", id + "0").AssertFailed(1, $"{file}: there is no id '{id}0'; the nearest are '", $"'{id}'");
        Shell.Run("search", "--embeddings", file + ".npy", "--id", id).AssertFailed(1, file + ".npy: cannot be read: there is no such file");
        Shell.Run("search", "--embeddings", file, "--id", id, "--records", world.New()).AssertFailed(1, "there is no such file");
    }

    private string Embed(string checkpoint)
    {
        string output = world.New() + ".npy";
        Shell.Run(CommandWorld.Embed(checkpoint, Path.Combine(world.Data, "test_b"), output)).AssertDone();
        return output;
    }

    private static string Title(string folder, string id)
    {
        var videos = RecordIndex.Build(RecordFiles.Expand(folder), TinyData.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        using var reader = videos.OpenReader();
        Assert.True(videos.TryFind(Encoding.UTF8.GetBytes(id), out int video));
        return Encoding.UTF8.GetString(reader.Read(video).Title);
    }

    private static void WriteFrames(string path, VideoFrames frames, string type)
    {
        var values = new List<float>();
        for (int frame = 0; frame < frames.Count; frame++)
            values.AddRange(MemoryMarshal.Cast<byte, Half>(frames[frame]).ToArray().Select(static value => (float)value));
        File.WriteAllBytes(path, NumpyFile.Of(type, "False", $"({frames.Count}, {TinyData.FrameWidth})", CollectionsMarshal.AsSpan(values)));
    }
}
