using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>
/// Computes video embeddings with a model's current weights, without dropout and with running statistics.
/// </summary>
public sealed class Embedder : IDisposable
{
    private const int Batch = 32; // as in the reference; a row's embedding does not depend on its batch

    private readonly Device _device;
    private readonly ModelConfig _config;
    private readonly BatchBlock _input;
    private readonly Step<(Tensor Embedding, Tensor TagLogits)> _step;
    private readonly bool _scoresTags;

    /// <summary>Builds the inference step of a model on its device.</summary>
    /// <param name="device">Device of the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="config">Its sizes.</param>
    /// <param name="eager">Rebuilds the step every time.</param>
    /// <param name="scoresTags">Also predicts tags and compares them with the tags of the records.</param>
    public Embedder(Device device, IVideoModel model, ModelConfig config, bool eager = false, bool scoresTags = false)
    {
        (_device, _config, _scoresTags) = (device, config, scoresTags);
        _input = new BatchBlock(device, BatchShape.OfVideos(config, Batch));
        try
        {
            _step = InferenceStep.Build(device, _input, tape => scoresTags ? model.Predict(tape, _input) : (Embedding: model.Embed(tape, _input), TagLogits: default),
                static result => [result.Embedding, result.TagLogits], eager);
        }
        catch (InsufficientMemoryException e)
        {
            throw new InsufficientMemoryException($"{config.Model} with frames {config.Frames} and text_length {config.TextLength}: {e.Message}", e);
        }
    }

    /// <summary>Slots: one for each thread that fills, and one whose batch is copied.</summary>
    internal static int SlotsFor(int threads) => threads + 1;

    /// <summary>Shape of a batch.</summary>
    internal BatchShape Shape => _input.Shape;

    /// <summary>Score of the tags that the last call predicted; null if this embedder does not score tags.</summary>
    public TagScore? Tags { get; private set; }

    /// <summary>
    /// The first value of the last call that is not finite, named by its video; null if all are finite. Finite weights
    /// can be too large and cause such values.
    /// </summary>
    public string? NonFinite { get; private set; }

    /// <summary>Opens videos for a model.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="records">Files of videos, folders of them, or patterns.</param>
    /// <param name="skipBadRecords">Skips and lists bad records; otherwise stops at the first.</param>
    /// <param name="progress">Receives the progress and the skipped records.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="DataException">
    /// The files cannot be read, or have frames that the model does not take.
    /// </exception>
    public static IVideoDataset OpenVideos(ModelFolder folder, IEnumerable<string> records, bool skipBadRecords, IProgressSink progress, CancellationToken cancellation)
    {
        var files = VideoFormats.Expand(records);
        var format = VideoFormats.Of(files);
        FrameWidths.Require(format, files, folder.Configuration.FrameWidth, $"the model in {folder.FolderPath} takes");
        return format.Open(files, folder.Configuration.FrameWidth, skipBadRecords, Environment.ProcessorCount, progress, cancellation);
    }

    /// <summary>
    /// Opens one video for a model. Its embedding has the same bits as that of the same video in records.
    /// </summary>
    /// <param name="folder">The model.</param>
    /// <param name="id">Id of the video.</param>
    /// <param name="title">Its title.</param>
    /// <param name="frames">A <c>.npy</c> file, see <see cref="FrameFile"/>.</param>
    /// <exception cref="DataException">
    /// The file cannot be read, or has frames that the model does not take.
    /// </exception>
    public static IVideoDataset OpenOne(ModelFolder folder, string id, string title, string frames)
    {
        var video = MemoryVideos.OfFile(id, title, frames);
        FrameWidths.Require(frames, video.FrameWidth, folder.Configuration.FrameWidth, $"the model in {folder.FolderPath} takes");
        return video;
    }

    /// <summary>What a model's embeddings come from, for <see cref="EmbeddingTable.From"/>.</summary>
    /// <exception cref="DataException">A file of the model cannot be read.</exception>
    public static EmbeddingOrigin OriginOf(ModelFolder folder) =>
        new(folder.Configuration.Model, folder.Digest(), EmbeddingRounding.Single, RunArguments.FoldOf(folder.FolderPath));

    /// <summary>Embeds videos of a dataset. Values need not be finite: see <see cref="NonFinite"/>.</summary>
    /// <returns>Row-major embeddings [records, EmbeddingWidth].</returns>
    public float[] Embed(IVideoDataset dataset, ReadOnlySpan<int> records, ITokenizer tokenizer, TagList tags, IProgressSink? progress = null, CancellationToken cancellation = default)
    {
        int width = _config.EmbeddingWidth;
        int[] order = records.ToArray();
        float[] embeddings = new float[(long)order.Length * width];
        int batches = (order.Length + Batch - 1) / Batch;
        using var loaders = new BatchLoaders(_device, dataset, tokenizer, tags, _config.EvenFrames);
        using var host = _device.OpenHost();
        using var slots = new Prefetcher(host, _input.Shape, parts: 1, SlotsFor(_device.LoadingThreads), 0, batches, loaders.Each(assembler => (number, slot) =>
            assembler.Fill(order.AsSpan((int)number * Batch, Math.Min(Batch, order.Length - (int)number * Batch)), slot)));
        (Tags, NonFinite) = (_scoresTags ? new TagScore() : null, null);
        progress?.Begin("embedding", order.Length);
        for (int i = 0; i < batches; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            slots.Take()[0].BeginCopyTo(_input);
            _step.Run();
            slots.Release(_input);
            var batch = order.AsSpan(i * Batch, Math.Min(Batch, order.Length - i * Batch));
            var values = embeddings.AsSpan(i * Batch * width, batch.Length * width);
            _device.Download(_step.Result.Embedding.Address, MemoryMarshal.AsBytes(values));
            CheckFinite("the embedding", values, dataset, batch);
            if (_scoresTags)
                ScoreTags(dataset, batch);
            progress?.Report(Math.Min(order.Length, (i + 1) * Batch), "");
        }
        progress?.End("");
        return embeddings;
    }

    /// <summary>Embeds every video of a dataset. If several records have the same id, the last one is used.</summary>
    /// <exception cref="DataException">A value is not finite; the message names the video.</exception>
    public EmbeddingTable EmbedAll(IVideoDataset dataset, ITokenizer tokenizer, TagList tags, IProgressSink progress, CancellationToken cancellation)
    {
        int[] records = dataset.LastOfEveryId(progress);
        var table = NewTable(dataset);
        Add(table, dataset, records, EmbedFinite(dataset, records, tokenizer, tags, progress, cancellation), _config.EmbeddingWidth);
        return table.Build();
    }

    /// <summary>Embeds the videos of a shard of the table of <see cref="EmbedAll"/>.</summary>
    /// <returns>Row-major embeddings [videos of the shard, EmbeddingWidth].</returns>
    /// <inheritdoc cref="EmbedAll"/>
    public float[] EmbedShard(IVideoDataset dataset, Shard shard, ITokenizer tokenizer, TagList tags, IProgressSink progress, CancellationToken cancellation)
    {
        int[] records = dataset.LastOfEveryId(progress);
        var (from, to) = shard.RowsOf(records.Length);
        return EmbedFinite(dataset, records.AsSpan(from..to), tokenizer, tags, progress, cancellation);
    }

    /// <summary>An empty table for embeddings of some videos.</summary>
    internal static EmbeddingTableBuilder NewTable(IVideoDataset dataset) => new(NameOf(dataset));

    /// <summary>Adds embeddings to a table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="dataset">The videos.</param>
    /// <param name="records">Numbers of those that are added.</param>
    /// <param name="embeddings">Row-major embeddings [records, width].</param>
    /// <param name="width">Values of an embedding.</param>
    internal static void Add(EmbeddingTableBuilder table, IVideoDataset dataset, ReadOnlySpan<int> records, float[] embeddings, int width)
    {
        using var reader = dataset.OpenReader();
        for (int i = 0; i < records.Length; i++)
            table.Add(Encoding.UTF8.GetString(reader.Read(records[i]).Id), embeddings.AsSpan(i * width, width));
    }

    private float[] EmbedFinite(IVideoDataset dataset, ReadOnlySpan<int> records, ITokenizer tokenizer, TagList tags, IProgressSink progress, CancellationToken cancellation)
    {
        float[] embeddings = Embed(dataset, records, tokenizer, tags, progress, cancellation);
        return NonFinite is { } value ? throw new DataException($"{NameOf(dataset)}: {value} is not finite: the model's weights are too large") : embeddings;
    }

    private static string NameOf(IVideoDataset dataset) => string.Join(", ", dataset.Files);

    private void ScoreTags(IVideoDataset dataset, ReadOnlySpan<int> batch)
    {
        var (count, tags, words) = (batch.Length, _config.Tags, _input.Shape.LabelWords);
        float[] logits = new float[count * tags];
        uint[] labels = new uint[count * words];
        _device.Download(_step.Result.TagLogits.Address, MemoryMarshal.AsBytes(logits.AsSpan()));
        _device.Download(_input.Labels.Address, MemoryMarshal.AsBytes(labels.AsSpan()));
        CheckFinite("a tag's logit", logits, dataset, batch);
        for (int row = 0; row < count; row++)
            Tags = Tags!.Value.With(logits.AsSpan(row * tags, tags), labels.AsSpan(row * words, words));
    }

    private void CheckFinite(string what, ReadOnlySpan<float> rows, IVideoDataset dataset, ReadOnlySpan<int> batch)
    {
        for (int i = 0; i < rows.Length && NonFinite is null; i++)
        {
            if (float.IsFinite(rows[i]))
                continue;
            using var reader = dataset.OpenReader();
            string id = Encoding.UTF8.GetString(reader.Read(batch[i / (rows.Length / batch.Length)]).Id);
            NonFinite = $"{what} of video {Printable.Quote(id)}";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _step.Dispose();
        _input.Dispose();
    }
}
