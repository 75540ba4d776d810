using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Text;

namespace VideoSim.Models.Pretrained;

/// <summary>
/// A published text encoder in a folder of Hugging Face's layout: config.json, vocab.txt, the weights as
/// model.safetensors, pytorch_model.bin or tf_model.h5, and tokenizer_config.json if there is one. Opening it checks
/// everything except the values of the weights. Nothing in it is executed.
/// </summary>
public sealed class PretrainedFolder : IDisposable
{
    private const string ConfigFile = "config.json", VocabularyFile = "vocab.txt", TokenizerFile = "tokenizer_config.json";

    // Values per read: much fewer than a model has, enough for fast reading.
    private const int ChunkValues = 1 << 18;

    private readonly WeightFiles _files;

    private PretrainedFolder(string path, Vocabulary vocabulary, WeightFiles files, EncoderTensors tensors, EncoderConfig encoder, IReadOnlyList<string> facts) =>
        (FolderPath, Vocabulary, _files, Tensors, Encoder, Facts) = (path, vocabulary, files, tensors, encoder, facts);

    /// <summary>Path of the folder.</summary>
    public string FolderPath { get; }

    /// <summary>Paths of all its files that exist.</summary>
    public IEnumerable<string> Files => new[] { ConfigFile, VocabularyFile, TokenizerFile }.Select(name => Path.Combine(FolderPath, name)).Where(File.Exists).Concat(_files.Paths);

    /// <summary>The vocabulary.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>
    /// Kind and sizes. If config.json has other sizes than the tensors, the tensors' sizes are used.
    /// </summary>
    public EncoderConfig Encoder { get; }

    /// <summary>Notes and warnings for the user when a model starts from the encoder, one line each.</summary>
    public IReadOnlyList<string> Notes => [.. Facts, .. Consequences()];

    /// <summary>The notes that hold for every use of the files.</summary>
    internal IReadOnlyList<string> Facts { get; }

    /// <summary>The problem of a RoFormer's table of rotary positions; null if there is none.</summary>
    internal string? RotaryTableFault => Encoder.ModelType == EncoderConfig.RoFormer ? Tensors.RotaryTableFault(Encoder.HiddenSize / Encoder.NumAttentionHeads) : null;

    /// <summary>The tensors of its files.</summary>
    internal EncoderTensors Tensors { get; }

    /// <summary>Path of the vocab.txt of a folder.</summary>
    public static string VocabularyOf(string path) => Path.Combine(path, VocabularyFile);

    /// <summary>The type of the encoder in a folder, read from its config.json.</summary>
    /// <exception cref="DataException">
    /// The file is missing or damaged, or describes an encoder that this project does not support.
    /// </exception>
    public static string TypeOf(string path) => File.Exists(Path.Combine(path, ConfigFile)) ? PublishedConfig.Read(Path.Combine(path, ConfigFile)).ModelType!
        : throw Lacks(path, ConfigFile);

    /// <summary>Opens a folder and checks that its files fit together.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="openHdf5">Opens a tf_model.h5; null in a program without a reader for HDF5.</param>
    /// <exception cref="DataException">
    /// A file is missing or damaged, or describes an encoder that this project does not support; the message names the
    /// file and the key or tensor.
    /// </exception>
    public static PretrainedFolder Open(string path, Func<string, TensorFile>? openHdf5 = null)
    {
        foreach (string name in new[] { ConfigFile, VocabularyFile })
        {
            if (!File.Exists(Path.Combine(path, name)))
                throw Lacks(path, name);
        }
        string? warning = FolderChecksums.Require(path, isModel: false, [ConfigFile, VocabularyFile, TokenizerFile, .. WeightFiles.Preferred(path)]);
        var config = PublishedConfig.Read(Path.Combine(path, ConfigFile));
        PublishedTokenizer.Check(Path.Combine(path, TokenizerFile), config.ModelType!);
        SmallFile.Read(Path.Combine(path, VocabularyFile)); // bounds its size, and refuses a Git LFS pointer
        var vocabulary = Vocabulary.Load(Path.Combine(path, VocabularyFile));
        var files = WeightFiles.Open(path, openHdf5);
        try
        {
            var tensors = new EncoderTensors(files.Path, files.Tensors);
            List<string> facts = warning is null ? [] : [warning];
            facts.Add($"weights: {Path.GetFileName(files.Path)}" + (files.Unread.Count > 0 ? $"; not read: {string.Join(", ", files.Unread)}" : ""));
            if (tensors.Prefix.Split('.').FirstOrDefault(part => part is EncoderConfig.Bert or EncoderConfig.RoFormer && part != config.ModelType) is { } other)
                throw new DataException($"{Path.Combine(path, ConfigFile)}: model_type is {config.ModelType}, but {Path.GetFileName(files.Path)} has the tensors of a {other}");
            if (tensors.Prefix.Length > 0)
                facts.Add($"the encoder's tensors have the prefix {Printable.Quote(tensors.Prefix)}");
            var sizes = tensors.Sizes(config.ModelType!, vocabulary.Count);
            var encoder = config.Complete(sizes, facts.Add);
            CheckHeads(Path.Combine(path, ConfigFile), encoder);
            tensors.Check(encoder, files.ByteCount);
            return new PretrainedFolder(path, vocabulary, files, tensors, encoder, facts);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Reads every tensor of the encoder once, to find damage before training starts.</summary>
    /// <exception cref="DataException">
    /// A tensor is damaged, or has a value that is not finite; the message names file and tensor.
    /// </exception>
    public void Check(CancellationToken cancellation)
    {
        float[] buffer = new float[ChunkValues];
        foreach (var tensor in Tensors.Used)
        {
            for (long first = 0; first < tensor.Stored.ElementCount; first += ChunkValues)
            {
                cancellation.ThrowIfCancellationRequested();
                tensor.Read(first, buffer.AsSpan(0, (int)Math.Min(ChunkValues, tensor.Stored.ElementCount - first)));
            }
        }
    }

    /// <summary>Fills a model's encoder. Its other weights do not change.</summary>
    /// <param name="parameters">
    /// Weights of a model whose encoder has the sizes of <see cref="Encoder"/>; their memory is allocated.
    /// </param>
    /// <returns>The rows of the table: used, computed, new and ignored tensors.</returns>
    /// <exception cref="DataException">
    /// A tensor has another shape than in the model, its bytes are damaged, or a value is not finite; the message
    /// names file and tensor. Shapes are checked before anything is written.
    /// </exception>
    public IReadOnlyList<EncoderLoadRow> LoadInto(ParameterStore parameters)
    {
        var load = new EncoderLoad();
        foreach (var (name, value, _, _) in parameters.Parts())
        {
            if (Find(name) is { } source)
            {
                EncoderTensors.CheckShape(source, value.Shape.ToArray(), Vocabulary.Count);
                load.Add(EncoderUse.Used, name, value.Shape.Count * sizeof(float));
            }
            else
            {
                load.Add(EncoderUse.New, IsEncoders(name) ? name : name.Split('.')[0], value.Shape.Count * sizeof(float));
            }
        }
        foreach (var table in parameters.Constants)
            load.Add(EncoderUse.Computed, "positions", table.Shape.Count * sizeof(float), "rotary table");
        var taken = parameters.Parts().Select(static part => part.Name).ToHashSet();
        foreach (var (name, tensor) in Tensors.ByName)
        {
            if (!taken.Contains($"{Encoder.ModelType}.{name}"))
                load.Add(EncoderUse.Ignored, tensor.Stored.Name, tensor.Stored.ByteCount, Tensors.WhyUnused(name));
        }
        foreach (var tensor in Tensors.Others)
            load.Add(EncoderUse.Ignored, tensor.Stored.Name, tensor.Stored.ByteCount, "not part of the encoder");
        float[] buffer = new float[ChunkValues];
        foreach (var (name, value, _, _) in parameters.Parts())
        {
            if (Find(name) is { } source)
                Fill(parameters, value, source, ref buffer);
        }
        return load.Rows;
    }

    /// <summary>
    /// Fills a model's encoder. Returns lines for the user: <see cref="Notes"/> and a table of the weights and their
    /// sources.
    /// </summary>
    /// <exception cref="DataException">As in <see cref="LoadInto"/>.</exception>
    public IEnumerable<string> Report(ParameterStore parameters) => [.. Notes.Select(note => $"{FolderPath}: {note}"), .. EncoderLoad.Table(LoadInto(parameters))];

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();

    private IEnumerable<string> Consequences()
    {
        long rows = Tensors.ByName[PublishedNames.WordTable].Shape[0];
        if (rows > Vocabulary.Count)
            yield return $"the word table has {rows} rows, {VocabularyFile} {Vocabulary.Count} pieces: the first {Vocabulary.Count} rows are used";
        if (RotaryTableFault is { } fault)
            yield return $"warning: {fault}; it is computed instead";
        string[] unknown = [.. Tensors.Unknown];
        if (unknown.Length > 0)
            yield return $"warning: {unknown.Length} tensors of the encoder are unknown and left out: {string.Join(", ", unknown.Take(3).Select(Printable.Quote))}{(unknown.Length > 3 ? ", ..." : "")}";
    }

    // In the folder of a run, such as runs/mix, the models are one level below.
    private static DataException Lacks(string path, string name)
    {
        if (!Directory.Exists(path))
            return new DataException($"{path}: {(File.Exists(path) ? "is a file, not the folder of a published encoder" : $"there is no such folder{HubName.Advice(path)}")}");
        string? below = FolderListing.Folders(path).Where(folder => File.Exists(Path.Combine(folder, name))).Select(Path.GetFileName).Max(StringComparer.Ordinal);
        return new DataException($"{path}: has no {name}{(below is null ? "" : $", but its folder {Printable.Quote(below)} has one")}; a folder with {ConfigFile}, {VocabularyFile} and weights is expected");
    }

    private static void CheckHeads(string path, EncoderConfig encoder)
    {
        int width = encoder.HiddenSize, heads = encoder.NumAttentionHeads;
        if (width % heads != 0)
            throw new DataException($"{path}: num_attention_heads is {heads}, which does not divide the tensors' width {width}");
        if (encoder.ModelType == EncoderConfig.RoFormer && width / heads % 2 != 0)
            throw new DataException($"{path}: num_attention_heads is {heads}, so the head width is {width / heads}; rotary positions need an even width");
    }

    private bool IsEncoders(string parameter) => parameter.StartsWith($"{Encoder.ModelType}.", StringComparison.Ordinal);

    private NamedTensor? Find(string parameter) =>
        IsEncoders(parameter) ? Tensors.ByName.GetValueOrDefault(parameter[(Encoder.ModelType.Length + 1)..]) : null;

    private static void Fill(ParameterStore parameters, Tensor value, NamedTensor source, ref float[] buffer)
    {
        if (source.Transposed)
        {
            parameters.Upload(source.ReadTransposed(ref buffer).Span, value);
            return;
        }
        for (long first = 0; first < value.Shape.Count; first += ChunkValues)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(ChunkValues, value.Shape.Count - first));
            source.Read(first, chunk);
            parameters.Upload(chunk, value.Slice(first, new Shape(chunk.Length)));
        }
    }
}
