using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>
/// Published files have different names for the same tensors. This class converts each name to one form and finds the
/// prefix of the encoder's names.
/// </summary>
internal static class PublishedNames
{
    /// <summary>The name of the word table without a prefix.</summary>
    public const string WordTable = "embeddings.word_embeddings.weight";

    /// <summary>The name of RoFormer's table of rotary positions without a prefix.</summary>
    public const string RotaryTable = "encoder.embed_positions.weight";

    private const string KerasSuffix = ":0", KerasModel = "___", Kernel = "kernel", Heads = "cls";

    /// <summary>Converts a tensor's name to PyTorch's current form.</summary>
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
            Kernel when isKeras => "weight",
            "embeddings" when isKeras => "weight",
            _ => leaf,
        };
        return new NamedTensor(name[..dot] + ours, tensor, isKeras && leaf == Kernel && tensor.Shape.Length == 2);
    }

    /// <summary>
    /// Whether a tensor is a kernel of Keras that is not a matrix. The order of its dimensions is unknown.
    /// </summary>
    public static bool IsUnknownKernel(StoredTensor tensor) => tensor.Shape.Length != 2 && tensor.Name.Split('/')[^1] == Kernel + KerasSuffix;

    /// <summary>The name of a tensor outside the encoder in a file of PyTorch.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="root">The beginning of all names in its file, such as <c>module.</c>; may be empty.</param>
    /// <returns>The name; null for a tensor that only Keras stores.</returns>
    public static string? OfHead(NamedTensor tensor, string root)
    {
        if (!tensor.Stored.Name.EndsWith(KerasSuffix, StringComparison.Ordinal))
            return tensor.Name.StartsWith(root, StringComparison.Ordinal) ? tensor.Name[root.Length..] : tensor.Name;
        // Keras: the layer's group, then the path in the model. A part like mlm___cls stands for cls.
        string[] parts = [.. tensor.Name.Split('.').Skip(1).Select(static part => part[(part.LastIndexOf(KerasModel, StringComparison.Ordinal) is >= 0 and var end ? end + KerasModel.Length : 0)..])];
        int heads = Array.LastIndexOf(parts, Heads);
        return heads >= 0 ? string.Join('.', parts[heads..]) : null;
    }

    /// <summary>
    /// Finds the prefix of the encoder's names. A file may have a second copy of the word table under another prefix,
    /// with few other tensors. So the prefix with the most layer tensors is chosen.
    /// </summary>
    /// <exception cref="DataException">The file has no word table, or has two encoders.</exception>
    public static string FindPrefix(string path, IReadOnlyList<NamedTensor> tensors)
    {
        var found = tensors.Select(static tensor => tensor.Name)
            .Where(static name => name == WordTable || name.EndsWith($".{WordTable}", StringComparison.Ordinal))
            .Select(static name => name[..^WordTable.Length]).Distinct()
            .Select(prefix => (Prefix: prefix, Count: tensors.Count(tensor => tensor.Name.StartsWith($"{prefix}encoder.layer.", StringComparison.Ordinal))))
            .OrderByDescending(static prefix => prefix.Count).ToArray();
        if (found.Length == 0)
        {
            string names = tensors.Count == 0 ? "no tensors" : string.Join(", ", tensors.Take(3).Select(static tensor => Printable.Quote(tensor.Stored.Name)));
            throw new DataException($"{path}: no tensor's name ends in {WordTable}: this is not the file of a text encoder; it has {names}"
                + (tensors.Count > 3 ? $" and {tensors.Count - 3} more" : ""));
        }
        if (found.Length > 1 && found[0].Count == found[1].Count)
            throw new DataException($"{path}: has two encoders, {Printable.Quote(found[0].Prefix)} and {Printable.Quote(found[1].Prefix)}; only one is allowed");
        return found[0].Prefix;
    }
}
