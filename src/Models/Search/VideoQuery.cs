using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Models.Search;

/// <summary>A query by a video that has no embedding yet.</summary>
public static class VideoQuery
{
    /// <summary>Refuses a model whose embeddings cannot be compared with those of a search.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="embeddings">What is searched.</param>
    /// <param name="progress">Receives a warning if it does not tell its model.</param>
    /// <exception cref="DataException">It has the embeddings of another checkpoint or of an ensemble.</exception>
    public static void RequireModelOf(ModelFolder folder, EmbeddingSource embeddings, IProgressSink progress) =>
        RequireModelOf(folder, embeddings.Source, embeddings.Width, embeddings.Origin, progress);

    /// <summary>The same for what is not a file of this machine.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="searched">What is searched, for messages.</param>
    /// <param name="width">Values of its embeddings.</param>
    /// <param name="origin">Their origin; null if it is not known.</param>
    /// <param name="progress">Receives a warning if it is not known.</param>
    /// <exception cref="DataException">It has the embeddings of another checkpoint or of an ensemble.</exception>
    public static void RequireModelOf(ModelFolder folder, string searched, int width, EmbeddingOrigin? origin, IProgressSink progress)
    {
        if (origin is { CheckpointCount: > 1 } ensemble)
            throw new DataException($"{searched}: has embeddings of {ensemble}, which no single model computes; search it by id or by vector");
        if (width != folder.Configuration.EmbeddingWidth)
            throw new DataException($"{folder.FolderPath}: its embeddings have {folder.Configuration.EmbeddingWidth} values, but {searched} has {width} per id");
        if (EmbeddingOrigin.RequireSame(folder.FolderPath, Embedder.OriginOf(folder), searched, origin) is { } warning)
            progress.Warn(warning);
    }

    /// <summary>
    /// Computes the embedding of a video, rounded as those that are searched were. So a video that is among them has a
    /// cosine of 1 with itself.
    /// </summary>
    /// <param name="device">Device that computes it.</param>
    /// <param name="folder">The model.</param>
    /// <param name="title">Title of the video.</param>
    /// <param name="frames">Its frames: a <c>.npy</c> file.</param>
    /// <param name="embeddings">What is searched.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DataException">The frames cannot be read or do not fit the model.</exception>
    public static SearchQuery Of(Device device, ModelFolder folder, string title, string frames, EmbeddingSource embeddings, IProgressSink progress, CancellationToken cancellation)
    {
        const string Id = "query"; // any
        var video = Embedder.OpenOne(folder, Id, title, frames);
        var model = folder.Load(device, training: false);
        using var parameters = model.Parameters;
        using var embedder = new Embedder(device, model, folder.Configuration);
        var table = embedder.EmbedAll(video, folder.Tokenizer, folder.Tags, progress, cancellation);
        double[] embedding = new double[table.Width];
        Rounding.Round(table, row: 0, PrecisionOf(embeddings.Origin), embedding, frames);
        return new SearchQuery(Id: null, embedding);
    }

    /// <summary>
    /// Rounds an embedding of a model as those that are searched were; null if a value is not finite then.
    /// </summary>
    /// <param name="embedding">The embedding [Width].</param>
    /// <param name="searched">Origin of what is searched; null if it is not known.</param>
    public static double[]? Round(ReadOnlySpan<float> embedding, EmbeddingOrigin? searched)
    {
        double[] rounded = new double[embedding.Length];
        for (int i = 0; i < rounded.Length; i++)
            rounded[i] = Rounding.Round(embedding[i], PrecisionOf(searched));
        return rounded.All(double.IsFinite) ? rounded : null;
    }

    private static EmbeddingRounding PrecisionOf(EmbeddingOrigin? searched) => searched?.Precision ?? EmbeddingRounding.Half;
}
