using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>What computed the embeddings of a file. Cosines of embeddings of two checkpoints mean nothing.</summary>
/// <param name="Model">Canonical name of the model; for the sum of several models, their names with + between.</param>
/// <param name="Checkpoint">
/// A SHA-256 in lower-case hexadecimal: that of the files of the model's folder, or for an ensemble that of the
/// checkpoints and weights of its inputs.
/// </param>
/// <param name="Precision">Precision of the values.</param>
/// <param name="Fold">The fold whose pairs the model was not trained on; null if there is none, or several.</param>
/// <param name="CheckpointCount">Checkpoints that have a part in an embedding; 1 if it is not of an ensemble.</param>
public sealed record EmbeddingOrigin(string Model, string Checkpoint, EmbeddingRounding Precision, int? Fold = null, int CheckpointCount = 1)
{
    private const string ModelKey = "model", FoldKey = "fold", CheckpointKey = "checkpoint", CountKey = "checkpoints", PrecisionKey = "precision";

    private const int DigitsShown = 8, LongestModel = 200;

    /// <summary>
    /// Refuses embeddings of another checkpoint than some others. If a file does not name its checkpoint, it returns
    /// what a warning should say.
    /// </summary>
    /// <param name="file">The embeddings, for messages.</param>
    /// <param name="origin">Their origin; null if it is not known.</param>
    /// <param name="others">The others, for messages.</param>
    /// <param name="otherOrigin">Their origin.</param>
    /// <exception cref="DataException">The checkpoints differ.</exception>
    public static string? RequireSame(string file, EmbeddingOrigin? origin, string others, EmbeddingOrigin? otherOrigin)
    {
        if (origin is null || otherOrigin is null)
            return $"warning: {(origin is null ? file : others)} does not say which model computed it; cosines with those of another model mean nothing";
        return origin.Checkpoint == otherOrigin.Checkpoint ? null
            : throw new DataException($"{file}: has embeddings of {origin}, but {others} has those of {otherOrigin}: their cosines mean nothing");
    }

    /// <summary>The origin of a mean or a sum; null if that of an input is not known.</summary>
    /// <param name="inputs">The inputs in their order, and what their embeddings are multiplied by.</param>
    /// <param name="isMean">Whether the sum is divided by the number of inputs.</param>
    /// <param name="normalizes">Whether embeddings are scaled to length 1 first.</param>
    internal static EmbeddingOrigin? OfEnsemble(IReadOnlyCollection<(EmbeddingOrigin? Origin, double Weight)> inputs, bool isMean, bool normalizes)
    {
        var known = inputs.Select(static input => input.Origin).OfType<EmbeddingOrigin>().ToArray();
        if (known.Length < inputs.Count)
            return null;
        var text = new StringBuilder(isMean ? "mean" : "sum").Append(normalizes ? " of units" : "");
        foreach (var (origin, weight) in inputs)
            text.Append(CultureInfo.InvariantCulture, $"\n{weight} {origin!.Checkpoint}");
        return new EmbeddingOrigin(string.Join('+', known.Select(static origin => origin.Model).Distinct()), Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))),
            EmbeddingRounding.Double, CheckpointCount: known.Sum(static origin => origin.CheckpointCount));
    }

    /// <summary>The origin as JSON, with the keys in a fixed order.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { [ModelKey] = Model };
        if (Fold is { } fold)
            json[FoldKey] = fold;
        json[CheckpointKey] = Checkpoint;
        if (CheckpointCount != 1)
            json[CountKey] = CheckpointCount;
        json[PrecisionKey] = NameOf(Precision);
        return json;
    }

    /// <summary>Reads what <see cref="ToJson"/> writes; null if it is something else.</summary>
    public static EmbeddingOrigin? FromJson(JsonObject json)
    {
        string? model = Get<string>(ModelKey), checkpoint = Get<string>(CheckpointKey), precision = Get<string>(PrecisionKey);
        int? fold = json.ContainsKey(FoldKey) ? Get<int?>(FoldKey) ?? 0 : null;
        int count = json.ContainsKey(CountKey) ? Get<int?>(CountKey) ?? 0 : 1;
        var rounding = Enum.GetValues<EmbeddingRounding>().Where(value => NameOf(value) == precision).ToArray();
        bool isOurs = model is { Length: > 0 and <= LongestModel } && model.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '+')
            && checkpoint is { Length: 2 * SHA256.HashSizeInBytes } && checkpoint.All(char.IsAsciiHexDigitLower)
            && fold is null or > 0 && count > 0 && rounding.Length == 1;
        return isOurs ? new EmbeddingOrigin(model!, checkpoint!, rounding[0], fold, count) : null;

        T? Get<T>(string key) => json[key] is JsonValue value && value.TryGetValue(out T? found) ? found : default;
    }

    /// <summary>Reads the text of <see cref="ToJson"/>; null if it is something else.</summary>
    public static EmbeddingOrigin? Parse(string text)
    {
        try
        {
            return FromJson(JsonFile.ParseObject("", Encoding.UTF8.GetBytes(text)));
        }
        catch (DataException)
        {
            return null; // the comment of another program
        }
    }

    /// <summary>The origin for a message, such as <c>mix, fold 3 (checkpoint 5bd6e2a4)</c>.</summary>
    public override string ToString() => CheckpointCount > 1 ? $"an ensemble of {CheckpointCount} checkpoints of {Model} ({Checkpoint[..DigitsShown]})"
        : $"{Model}{(Fold is { } fold ? $", fold {fold}" : "")} (checkpoint {Checkpoint[..DigitsShown]})";

    private static string NameOf(EmbeddingRounding rounding) => rounding switch
    {
        EmbeddingRounding.Half => "float16",
        EmbeddingRounding.Single => "float32",
        _ => "float64",
    };
}
