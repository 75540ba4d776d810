using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>A tensor under the name that PyTorch's files have for it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Stored">Where it lies.</param>
/// <param name="Transposed">Whether it lies as [in, out], as Keras stores a linear map; weights here are [out, in].</param>
internal sealed record NamedTensor(string Name, StoredTensor Stored, bool Transposed)
{
    /// <summary>Its dimensions, [out, in] for a linear map.</summary>
    public long[] Shape => Transposed ? [.. Stored.Shape.Reverse()] : [.. Stored.Shape];
}

/// <summary>
/// The many names that published files have for the same tensors: one rule for each, and one way to find out what stands before
/// the encoder's own names.
/// </summary>
internal static class PublishedNames
{
    /// <summary>The name of the word table behind every prefix.</summary>
    public const string WordTable = "embeddings.word_embeddings.weight";

    private const string KerasSuffix = ":0";

    /// <summary>Brings a tensor's name into PyTorch's present form.</summary>
    public static NamedTensor Normalize(StoredTensor tensor)
    {
        string name = tensor.Name;
        bool isKeras = name.EndsWith(KerasSuffix, StringComparison.Ordinal);
        if (isKeras)
            name = name[..^KerasSuffix.Length].Replace('/', '.').Replace(".layer_._", ".layer.", StringComparison.Ordinal);
        int dot = name.LastIndexOf('.') + 1;
        string leaf = name[dot..];
        string ours = leaf switch
        {
            "gamma" => "weight",
            "beta" => "bias",
            "kernel" when isKeras => "weight",
            "embeddings" when isKeras => "weight",
            _ => leaf,
        };
        return new NamedTensor(name[..dot] + ours, tensor, isKeras && leaf == "kernel");
    }

    /// <summary>
    /// Finds what stands before the names of the encoder. A tied table may be stored a second time, under another prefix that has
    /// little else: the prefix with the most tensors is the encoder's.
    /// </summary>
    /// <exception cref="DataException">There is no word table, or there are two whole encoders.</exception>
    public static string FindPrefix(string path, IReadOnlyList<NamedTensor> tensors)
    {
        var found = tensors.Select(static tensor => tensor.Name)
            .Where(static name => name == WordTable || name.EndsWith($".{WordTable}", StringComparison.Ordinal))
            .Select(static name => name[..^WordTable.Length]).Distinct()
            .Select(prefix => (Prefix: prefix, Count: tensors.Count(tensor => tensor.Name.StartsWith($"{prefix}encoder.layer.", StringComparison.Ordinal))))
            .OrderByDescending(static prefix => prefix.Count).ToArray();
        if (found.Length == 0)
        {
            throw new DataException($"{path}: no tensor's name ends in {WordTable}: not the file of a text encoder; it has "
                + string.Join(", ", tensors.Take(3).Select(static tensor => Printable.Quote(tensor.Stored.Name))) + (tensors.Count > 3 ? $" and {tensors.Count - 3} more" : ""));
        }
        if (found.Length > 1 && found[0].Count == found[1].Count)
            throw new DataException($"{path}: holds two encoders, {Printable.Quote(found[0].Prefix)} and {Printable.Quote(found[1].Prefix)}; which one is meant is not known");
        return found[0].Prefix;
    }
}
