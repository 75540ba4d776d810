using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Rotary;
using VideoSim.Models.Configuration;
using VideoSim.Models.Encoders;

namespace VideoSim.Models.Pretrained;

/// <summary>
/// The tensors of a published encoder by their names without prefix, and all other tensors of its files.
/// </summary>
internal sealed class EncoderTensors
{
    private const string UnknownName = "unknown", Pooler = "pooler.", Layer = "encoder.layer.";

    // The beginnings of an encoder's own names. Tensors with other names belong to other parts, such as heads.
    private static readonly string[] Parts = ["embeddings.", "encoder.", Pooler];

    // A published table differs from the exact one only by rounding.
    private const float RotaryTolerance = 1e-4f;

    // More positions than any text has; a table may claim any number of rows.
    private const int MostRotaryRows = 1 << 16;

    // The widest published encoders have 2,560 columns.
    private const int MostWidth = 1 << 16;

    private readonly string _path;
    private readonly Dictionary<string, NamedTensor> _byName = [];
    private readonly HashSet<string> _known = [];

    /// <summary>Sorts the tensors of a file.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="tensors">All its tensors.</param>
    /// <exception cref="DataException">The file has no encoder, or a tensor occurs twice.</exception>
    public EncoderTensors(string path, IReadOnlyList<StoredTensor> tensors)
    {
        _path = path;
        NamedTensor[] named = [.. tensors.Select(PublishedNames.Normalize)];
        Prefix = PublishedNames.FindPrefix(path, named);
        foreach (var tensor in named)
        {
            if (!tensor.Name.StartsWith(Prefix, StringComparison.Ordinal) || !Parts.Any(tensor.Name[Prefix.Length..].StartsWith))
                Others.Add(tensor);
            else if (!_byName.TryAdd(tensor.Name[Prefix.Length..], tensor))
                throw new DataException($"{path}: the tensors {Printable.Quote(_byName[tensor.Name[Prefix.Length..]].Stored.Name)} and {Printable.Quote(tensor.Stored.Name)} have the same name in the model");
        }
    }

    /// <summary>The prefix of the encoder's names.</summary>
    public string Prefix { get; }

    /// <summary>Tensors of other parts, such as heads.</summary>
    public List<NamedTensor> Others { get; } = [];

    /// <summary>The encoder's tensors by their name without the prefix.</summary>
    public IReadOnlyDictionary<string, NamedTensor> ByName => _byName;

    /// <summary>Reads the sizes from the shapes of the tensors.</summary>
    /// <param name="modelType">Kind of the encoder.</param>
    /// <param name="pieces">Pieces of the vocabulary.</param>
    /// <exception cref="DataException">
    /// The word table is not a matrix, is too wide, or has fewer rows than the vocabulary has pieces.
    /// </exception>
    public EncoderSizes Sizes(string modelType, int pieces)
    {
        var words = _byName[PublishedNames.WordTable];
        if (words.Shape is not [var rows, > 0 and <= MostWidth and var width] || rows > int.MaxValue)
            throw new DataException($"{words.Stored.Where} has shape {words.Stored.ShownShape}; a word table needs [pieces, columns] with at most {MostWidth} columns");
        if (rows < pieces)
            throw new DataException($"{words.Stored.Where} has {rows} rows, but vocab.txt has {pieces} pieces");
        // At most the number of tensors. Missing tensors are reported later, by name.
        int layers = 1 + _byName.Keys.Select(LayerOf).Max(index => Math.Min(index ?? 0, _byName.Count));
        return new EncoderSizes((int)rows, pieces, (int)width, layers, Rows($"{Layer}0.intermediate.dense.weight"),
            modelType == EncoderConfig.Bert ? Rows("embeddings.position_embeddings.weight") : null, Rows("embeddings.token_type_embeddings.weight"));
    }

    /// <summary>
    /// Checks that the file has every tensor of an encoder in the right shape. Only a pooler may be missing.
    /// </summary>
    /// <param name="config">Sizes of the encoder.</param>
    /// <param name="fileBytes">Size of the files.</param>
    /// <exception cref="DataException">
    /// Tensors are missing, one has another shape, or they share their numbers; the message names them.
    /// </exception>
    public void Check(EncoderConfig config, long fileBytes)
    {
        using var store = new ParameterStore();
        _ = new TextTower(store, group: 0, config, textLength: 1, maskedPooling: false);
        var expected = store.Parameters.SelectMany(static parameter => parameter.Parts)
            .Select(part => (Name: part.Name[(config.ModelType.Length + 1)..], part.Shape)).ToArray();
        _known.UnionWith(expected.Select(static part => part.Name));
        string[] missing = [.. expected.Select(static part => part.Name)
            .Where(name => !_byName.ContainsKey(name) && !name.StartsWith(Pooler, StringComparison.Ordinal)).Select(name => Prefix + name)];
        if (missing.Length > 0)
        {
            throw new DataException($"{_path}: lacks {missing.Length} of the encoder's {expected.Length} tensors: {string.Join(", ", missing.Take(3).Select(Printable.Quote))}"
                + (missing.Length > 3 ? $" and {missing.Length - 3} more" : ""));
        }

        foreach (var (name, shape) in expected)
        {
            if (_byName.TryGetValue(name, out var found))
                CheckShape(found, shape.ToArray(), config.VocabSize);
        }
        // Thousands of layers that are views of the same numbers would need the memory of thousands.
        if (Used.Sum(static tensor => (decimal)tensor.Stored.ByteCount) is var bytes && bytes > fileBytes)
            throw new DataException($"{_path}: the encoder's tensors have {bytes} bytes, and the files {fileBytes}: tensors share their numbers");
    }

    /// <summary>
    /// Checks the shape of one tensor; a word table may have more rows than the vocabulary has pieces.
    /// </summary>
    /// <exception cref="DataException">It differs; the message names the tensor and both shapes.</exception>
    public static void CheckShape(NamedTensor tensor, int[] expected, int pieces)
    {
        long[] found = tensor.Shape;
        bool isLongerTable = tensor.Name.EndsWith(PublishedNames.WordTable, StringComparison.Ordinal) && found.Length == 2
            && expected[0] == pieces && found[0] >= pieces && found[1] == expected[1];
        if (!isLongerTable && !found.SequenceEqual(expected.Select(static size => (long)size)))
            throw new DataException($"{tensor.Stored.Where} has shape [{string.Join(", ", found)}], but the model needs [{string.Join(", ", expected)}]");
    }

    /// <summary>
    /// Compares a stored table of rotary positions with the exact one. The model always uses the exact one.
    /// </summary>
    /// <param name="headWidth">Width of a head.</param>
    /// <returns>The problem; null if the tables agree or the file has none.</returns>
    public string? RotaryTableFault(int headWidth)
    {
        if (!_byName.TryGetValue(PublishedNames.RotaryTable, out var table))
            return null;
        if (table.Shape is not [var rows, var width] || width != headWidth)
            return $"{Prefix}{PublishedNames.RotaryTable} has shape {table.Stored.ShownShape}, not [positions, {headWidth}]";
        float[] exact = RotaryTable.Create((int)Math.Min(rows, MostRotaryRows), headWidth), stored = new float[exact.Length];
        table.Stored.Read(0, stored);
        float worst = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            if (!float.IsFinite(stored[i]))
                return $"{Prefix}{PublishedNames.RotaryTable} has a value that is not finite";
            worst = Math.Max(worst, Math.Abs(stored[i] - exact[i]));
        }
        return worst <= RotaryTolerance ? null
            : string.Create(CultureInfo.InvariantCulture, $"{Prefix}{PublishedNames.RotaryTable} differs by up to {worst:G3} from the exact table, more than {RotaryTolerance:G1}");
    }

    /// <summary>The tensors that the encoder uses. Call <see cref="Check"/> first.</summary>
    public IEnumerable<NamedTensor> Used => _byName.Where(entry => _known.Contains(entry.Key) && entry.Key != PublishedNames.RotaryTable).Select(static entry => entry.Value);

    /// <summary>Names with the prefix that no encoder has. Integer tensors are left out.</summary>
    public IEnumerable<string> Unknown => _byName.Where(entry => !_known.Contains(entry.Key) && WhyUnused(entry.Key) == UnknownName).Select(static entry => entry.Value.Stored.Name);

    /// <summary>The reason why a model does not use a tensor with the prefix, for the table.</summary>
    public string WhyUnused(string name) =>
        name == PublishedNames.RotaryTable ? "computed instead"
        : name.StartsWith(Pooler, StringComparison.Ordinal) ? "the model has no pooler"
        : _byName[name].Stored.Type.IsFloat() ? UnknownName : "integers, not weights";

    private int Rows(string name) => _byName.TryGetValue(name, out var tensor) && tensor.Shape is [> 0 and <= int.MaxValue and var rows, _] ? (int)rows : 1;

    private static int? LayerOf(string name) => name.StartsWith(Layer, StringComparison.Ordinal)
        && int.TryParse(name[Layer.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index : null;
}
