using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Records;
using VideoSim.Models.Submissions;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Embeddings that several machines compute and one joins.</summary>
public sealed class EmbeddingShardsTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private const int Videos = TinyData.TestVideos;

    private static readonly string ThisCpu = $"cpu ({RunSession.ThisArchitecture})";

    // Blocks of videos need not begin where a batch of one run begins.
    [Theory]
    [InlineData("mix", 1)]
    [InlineData("mix", 2)]
    [InlineData("mix-roformer", 2)]
    [InlineData("uniter", 2)]
    [InlineData("uniter-roformer", 2)]
    public void Embed_VideoInAnotherBatchOrPlace_HasTheSameBits(string name, int threads)
    {
        using var device = new CpuDevice(threads);
        var vocabulary = Vocabulary.Load(Path.Combine(runs.Data, "vocab.txt"));
        var tags = TagList.Read(Path.Combine(runs.Data, "tag_list.txt"));
        var config = Preset.Load("micro", name, [.. TinyData.Overrides]).For(vocabulary.Count, tags.ClassCount).Model;
        var tokenizer = TokenizerFactory.Create(config, vocabulary, JiebaDictionary.Parse("天地 5\n玄黄 3\n"u8, "dict.txt"));
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: false);
        parameters.Initialize(3);
        using var embedder = new Embedder(device, model, config);
        var videos = Open();
        int[] order = [.. Enumerable.Range(0, Videos)], mixed = [7, .. order.Reverse(), .. order, 3];
        float[] once = Embed(order), other = Embed(mixed), alone = Embed([5]);
        Assert.True(mixed.Length > 32); // more than a batch
        for (int i = 0; i < mixed.Length; i++)
            Assert.Equal(Row(once, mixed[i]), Row(other, i));
        Assert.Equal(Row(once, 5), alone);

        float[] Embed(int[] records) => embedder.Embed(videos, records, tokenizer, tags, cancellation: TestContext.Current.CancellationToken);

        float[] Row(float[] embeddings, int row) => embeddings[(row * config.EmbeddingWidth)..((row + 1) * config.EmbeddingWidth)];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(Videos + 5)]
    public void Join_AnyNumberOfShardsInAnyOrder_GivesTheTableOfOneRun(int count)
    {
        string output = runs.New($"all-{count}.npy");
        Shard[] shards = [.. Enumerable.Range(1, count).Select(number => new Shard(number, count))];
        Shard[] shuffled = [.. shards];
        new Random(count).Shuffle(shuffled);
        foreach (var shard in shuffled)
            Write(output, shard);
        Assert.Equal(shards, EmbeddingShards.FindAll(output));
        for (int time = 0; time < 2; time++) // the shards stay
        {
            var (table, device) = Join(output);
            Assert.Equal(ThisCpu, device);
            SubmissionFile.Write(output, table, EmbeddingRounding.Single);
            Assert.Equal(File.ReadAllBytes(runs.Embeddings), File.ReadAllBytes(output));
            Assert.Equal(File.ReadAllBytes(Path.ChangeExtension(runs.Embeddings, ".ids.txt")), File.ReadAllBytes(Path.ChangeExtension(output, ".ids.txt")));
        }
    }

    [Fact]
    public void FindAll_NoneMissingOrOfTwoDivisions_IsRefused()
    {
        string output = runs.New("missing.zip");
        AssertRefused(() => EmbeddingShards.FindAll(output), $"{output}: there are no shards to join; --shard 1/4 writes the first of four");
        Write(output, new(2, 3));
        AssertRefused(() => EmbeddingShards.FindAll(output), $"{output}: shards 1/3, 3/3 are missing");
        Write(output, new(1, 3));
        AssertRefused(() => EmbeddingShards.FindAll(output), $"{output}: shard 3/3 is missing");
        Write(output, new(1, 4));
        AssertRefused(() => EmbeddingShards.FindAll(output), $"{output}.shard-1-of-4: is one of 4 shards, but {output}.shard-1-of-3 is one of 3; delete those that do not belong to the result");
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void Join_ShardOfAnotherOrigin_IsRefused()
    {
        string output = runs.New("other.zip"), second = $"{output}.shard-2-of-2", pretrained = Path.Combine(runs.Pretrained, "last");
        Write(output, new(1, 2));
        Write(output, new(2, 2), pretrained);
        AssertRefused(() => Join(output), $"{second}: is of another model than that of --checkpoint");
        Write(output, new(2, 2), set: "a");
        AssertRefused(() => Join(output), $"{second}: is of other videos than those of --records");
        File.Copy($"{output}.shard-1-of-2", second, overwrite: true);
        AssertRefused(() => Join(output), $"{second}: is shard 1/2 under another name");
        using var counting = new CountingDevice();
        var shards = Shards(output, Model(), Open());
        float[] values = new float[Videos / 2 * Model().Configuration.EmbeddingWidth];
        shards.Write(new(2, 2), values, MadeBy.This(counting));
        AssertRefused(() => Join(output), $"{second}: was computed on counting, but {output}.shard-1-of-2 on {ThisCpu}: their bits may differ");
        using var device = new CpuDevice(1);
        var made = MadeBy.This(device);
        shards.Write(new(2, 2), values, made with { Program = "version 0.9" });
        AssertRefused(() => Join(output), $"{second}: was computed by version 0.9, but {output}.shard-1-of-2 by {made.Program}: their bits may differ");
        shards.Write(new(1, 2), values, made with { Libraries = "cuBLASLt 1" });
        shards.Write(new(2, 2), values, made with { Libraries = "cuBLASLt 2" });
        AssertRefused(() => Join(output), $"{second}: was computed with cuBLASLt 2, but {output}.shard-1-of-2 with cuBLASLt 1: their bits may differ");
    }

    // A run replaces its best model while another machine embeds with it.
    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("dict.txt")]
    public void Write_ModelChangedMeanwhile_IsRefused(string changed)
    {
        string output = runs.New($"{changed}.zip"), model = runs.New($"{changed}-model"), dictionary = Path.Combine(model, "dict.txt");
        Folders.Copy(Model().FolderPath, model);
        File.WriteAllText(dictionary, "天地 5\n");
        using var device = new CpuDevice(1);
        float[] values = new float[Videos * Model().Configuration.EmbeddingWidth];
        var shards = new EmbeddingShards(output, ModelFolder.Open(model), [dictionary], Open());
        shards.Write(new(1, 1), values, MadeBy.This(device));
        File.Delete($"{output}.shard-1-of-1");
        using (var file = File.Open(Path.Combine(model, changed), FileMode.Open))
            file.SetLength(file.Length - 1);
        AssertRefused(() => shards.Write(new(1, 1), values, MadeBy.This(device)), $"{model}: the model changed while videos were embedded");
        Assert.False(File.Exists($"{output}.shard-1-of-1"));
    }

    // All values of a table may be too many for one array.
    [Fact]
    public void Join_MoreValuesThanAnArrayHas_ReadsShardAfterShard()
    {
        string output = runs.New("large.zip");
        Write(output, new(1, 1));
        var videos = new ManyVideos(int.MaxValue / Model().Configuration.EmbeddingWidth + 1);
        AssertRefused(() => Shards(output, Model(), videos).Join(EmbeddingShards.FindAll(output), IProgressSink.None), $"{output}.shard-1-of-1: is of other videos than those of --records");
    }

    // The same model and the same videos under other paths are the same.
    [Fact]
    public void Join_FromOtherFolders_GivesTheSameTable()
    {
        string output = runs.New("moved.npy"), model = runs.New("moved-model"), records = runs.New("moved.tfrecords");
        Folders.Copy(Model().FolderPath, model);
        File.Copy(new DataFolder(runs.Data).Test("b"), records);
        Write(output, new(1, 2));
        Write(output, new(2, 2));
        var moved = RecordIndex.Build([records], Model().Configuration.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        var (table, _) = Shards(output, ModelFolder.Open(model), moved).Join(EmbeddingShards.FindAll(output), IProgressSink.None);
        SubmissionFile.Write(output, table, EmbeddingRounding.Single);
        Assert.Equal(File.ReadAllBytes(runs.Embeddings), File.ReadAllBytes(output));
    }

    [Fact]
    public void Join_DamagedShard_IsRefusedWhereverTheDamageIs()
    {
        string output = runs.New("damaged.zip"), path = $"{output}.shard-1-of-1";
        Write(output, new(1, 1));
        byte[] whole = File.ReadAllBytes(path);
        for (int at = 0; at < whole.Length; at += 97)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 1;
            AssertDamaged(damaged);
        }
        AssertDamaged(whole[..^4]);
        AssertDamaged([.. whole, 0]);
        AssertDamaged([]);
        File.WriteAllBytes(path, [.. whole[..^1], (byte)(whole[^1] ^ 1)]);
        AssertRefused(() => Join(output), $"{path}: has changed since it was written: its sha256 is not that of its content; embed it again with --shard 1/1");

        void AssertDamaged(byte[] content)
        {
            File.WriteAllBytes(path, content);
            Assert.StartsWith($"{path}: ", Assert.Throws<DataException>(() => Join(output)).Message, StringComparison.Ordinal);
        }
    }

    private static void AssertRefused(Action action, string message) => Assert.Equal(message, Assert.Throws<DataException>(action).Message);

    private static EmbeddingShards Shards(string output, ModelFolder folder, IVideoDataset videos) => new(output, folder, [], videos);

    private ModelFolder Model(string? checkpoint = null) => ModelFolder.Open(checkpoint ?? Path.Combine(runs.Finetuned, "last"));

    private RecordIndex Open(string set = "b") => RecordIndex.Build([new DataFolder(runs.Data).Test(set)], TinyData.FrameWidth, cancellation: TestContext.Current.CancellationToken);

    private (EmbeddingTable Table, string Device) Join(string output) => Shards(output, Model(), Open()).Join(EmbeddingShards.FindAll(output), IProgressSink.None);

    private void Write(string output, Shard shard, string? checkpoint = null, string set = "b")
    {
        using var device = new CpuDevice(1);
        var folder = Model(checkpoint);
        var model = folder.Load(device, training: false);
        using var parameters = model.Parameters;
        using var embedder = new Embedder(device, model, folder.Configuration);
        var videos = Open(set);
        Shards(output, folder, videos).Write(shard, embedder.EmbedShard(videos, shard, folder.Tokenizer, folder.Tags, IProgressSink.None, TestContext.Current.CancellationToken), MadeBy.This(device));
    }

    /// <summary>The number of some videos, without the videos.</summary>
    private sealed class ManyVideos(int count) : IVideoDataset
    {
        public int Count => count;

        public int FrameWidth => TinyData.FrameWidth;

        public IReadOnlyList<string> Files => [];

        public IReadOnlyList<FileDigest> Digests => [];

        public IReadOnlyList<BadRecord> BadRecords => [];

        public bool TryFind(ReadOnlySpan<byte> id, out int video) => throw new NotSupportedException();

        public int[] LastOfEveryId(IProgressSink progress) => new int[count];

        public IVideoReader OpenReader() => throw new NotSupportedException();
    }
}
