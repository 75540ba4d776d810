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
    public static void RequireModelOf(ModelFolder folder, EmbeddingSource embeddings, IProgressSink progress)
    {
        if (embeddings.Origin is { CheckpointCount: > 1 } ensemble)
            throw new DataException($"{embeddings.Source}: has embeddings of {ensemble}, which no single model computes; search it by --id or --vectors");
        if (embeddings.Width != folder.Configuration.EmbeddingWidth)
            throw new DataException($"{folder.FolderPath}: its embeddings have {folder.Configuration.EmbeddingWidth} values, but {embeddings.Source} has {embeddings.Width} per id");
        if (EmbeddingOrigin.RequireSame(folder.FolderPath, Embedder.OriginOf(folder), embeddings.Source, embeddings.Origin) is { } warning)
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
        Rounding.Round(table, row: 0, embeddings.Origin?.Precision ?? EmbeddingRounding.Half, embedding, frames);
        return new SearchQuery(Id: null, embedding);
    }
}
