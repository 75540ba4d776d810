using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Search;

namespace VideoSim.Server;

/// <summary>
/// The video of a request: <c>id</c> of one in the index, <c>vector</c>, or <c>frames</c> and <c>title</c> of a new
/// one. A vector may come with the id of its video, which is then left out of the result.
/// </summary>
/// <param name="fields">The fields of the request.</param>
/// <param name="suffix">End of the names of the fields, as a request may have two videos.</param>
/// <param name="search">Where ids are found.</param>
/// <param name="model">Computes embeddings; null in a server without a model.</param>
internal sealed class VideoRequest(RequestFields fields, string suffix, IVideoSearch search, VideoModel? model)
{
    /// <summary>Names of the fields, without the suffix.</summary>
    public const string Id = "id", Vector = "vector", Frames = "frames", Title = "title";

    /// <summary>The names of all fields of a video.</summary>
    public static IEnumerable<string> Names(string suffix = "") => [Id + suffix, Vector + suffix, Frames + suffix, Title + suffix];

    /// <summary>Finds or computes the embedding of the video, and its title if the index has it.</summary>
    /// <exception cref="RequestException">The request does not name a video.</exception>
    public async Task<(SearchQuery Query, string? Title)> Resolve(CancellationToken aborted)
    {
        bool isNew = fields.Has(Frames + suffix) || fields.Has(Title + suffix), hasVector = fields.Has(Vector + suffix);
        if (isNew ? hasVector || fields.Has(Id + suffix) : !hasVector && !fields.Has(Id + suffix))
            throw RequestException.Bad($"give {Id}{suffix}, {Vector}{suffix}, or {Frames}{suffix} and {Title}{suffix}");
        if (isNew)
            return (new SearchQuery(Id: null, await Embed(aborted)), null);
        string? id = fields.Text(Id + suffix);
        if (id is not null && VideoId.Problem(Encoding.UTF8.GetBytes(id)) is { } problem)
            throw RequestException.Bad($"field {Id}{suffix}: {problem}");
        if (fields.Numbers(Vector + suffix) is { } vector)
            return (new SearchQuery(id, Checked(vector)), null);
        var stored = await search.Find(id!, aborted) ?? throw new RequestException(StatusCodes.Status404NotFound, $"there is no id {Printable.Quote(id!)}");
        return (new SearchQuery(stored.Id, stored.Embedding), stored.Title);
    }

    private async Task<double[]> Embed(CancellationToken aborted)
    {
        if (model is null)
            throw RequestException.Bad("this server has no model, so it takes no frames; give an id or a vector");
        byte[]? file = fields.File(Frames + suffix);
        string? title = fields.Text(Title + suffix);
        if (file is null)
            throw RequestException.Bad($"a title alone has no embedding: give {Frames}{suffix}, a .npy file, too");
        if (title is null)
            throw RequestException.Bad($"frames alone have no embedding: give {Title}{suffix}, too; it may be empty");
        return await model.Embed(file, title, $"{Frames}{suffix}", aborted);
    }

    private double[] Checked(double[] vector)
    {
        if (vector.Length != search.Summary.Width)
            throw RequestException.Bad($"field {Vector}{suffix} has {vector.Length} numbers, but embeddings here have {search.Summary.Width}");
        // As for files of embeddings.
        double wrong = vector.FirstOrDefault(static value => !float.IsFinite((float)value));
        return wrong == 0 ? vector : throw RequestException.Bad(string.Create(CultureInfo.InvariantCulture, $"field {Vector}{suffix} has the value {wrong}, which is not a finite float32"));
    }
}
