using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Server;

/// <summary>
/// The model of a server. Videos that wait are computed in one batch. A video's embedding has the bits of
/// <c>embed</c>, whatever else is in its batch.
/// </summary>
public sealed class VideoModel : IDisposable
{
    private const int MostTogether = 32; // a batch of the embedder

    private readonly ModelFolder _folder;
    private readonly EmbeddingOrigin? _searched;
    private readonly ParameterStore _parameters;
    private readonly Embedder _embedder;
    private readonly BatchQueue<MemoryVideo, float[]> _queue = new(MostTogether);

    /// <summary>Loads a model.</summary>
    /// <param name="device">The device, opened by this thread.</param>
    /// <param name="folder">The model.</param>
    /// <param name="searched">Origin of what is searched, whose precision embeddings get.</param>
    /// <exception cref="DataException">The model cannot be loaded.</exception>
    public VideoModel(Device device, ModelFolder folder, EmbeddingOrigin? searched)
    {
        (_folder, _searched) = (folder, searched);
        var model = folder.Load(device, training: false);
        _parameters = model.Parameters;
        try
        {
            _embedder = new Embedder(device, model, folder.Configuration);
        }
        catch
        {
            _parameters.Dispose();
            throw;
        }
    }

    /// <summary>Values of a frame.</summary>
    public int FrameWidth => _folder.Configuration.FrameWidth;

    /// <summary>Computes the embedding of a video, rounded as those that are searched were.</summary>
    /// <param name="file">The frames: the bytes of a <c>.npy</c> file.</param>
    /// <param name="title">The title.</param>
    /// <param name="name">Name of the file for messages.</param>
    /// <param name="aborted">Cancelled if nobody waits for the answer any more.</param>
    /// <exception cref="RequestException">The file is wrong.</exception>
    public async Task<double[]> Embed(byte[] file, string title, string name, CancellationToken aborted)
    {
        if (!FrameFile.TryParse(file, out var frames, out int width, out string? reason))
            throw RequestException.Bad($"{name}: {reason}");
        if (width != FrameWidth)
            throw RequestException.Bad($"{name}: has frames of {width} values, but the model takes {FrameWidth}");
        const string Id = "query"; // any
        float[] embedding = await _queue.Ask(new MemoryVideo(Id, title, frames, width), aborted);
        return VideoQuery.Round(embedding, _searched) ?? throw RequestException.Bad($"{name}: the embedding of this video is not finite");
    }

    /// <summary>Answers requests until <see cref="Complete"/>, on the thread that loaded the model.</summary>
    public void Answer() => _queue.Answer(videos =>
    {
        int width = _folder.Configuration.EmbeddingWidth;
        int[] all = [.. Enumerable.Range(0, videos.Count)];
        float[] rows = _embedder.Embed(new MemoryVideos(videos, []), all, _folder.Tokenizer, _folder.Tags);
        return [.. all.Select(row => rows[(row * width)..((row + 1) * width)])];
    });

    /// <summary>Ends <see cref="Answer"/> after what waits.</summary>
    public void Complete() => _queue.Complete();

    /// <inheritdoc/>
    public void Dispose()
    {
        _embedder.Dispose();
        _parameters.Dispose();
        _queue.Dispose();
    }
}
