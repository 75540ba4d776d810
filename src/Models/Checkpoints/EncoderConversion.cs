using System.Runtime.InteropServices;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Checkpoints;

/// <summary>The result of a conversion.</summary>
/// <param name="Target">The folder written.</param>
/// <param name="ModelType">Type of the encoder: bert or roformer.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Values">Number of values in all tensors.</param>
public sealed record ConversionResult(string Target, string ModelType, int Tensors, long Values);

/// <summary>
/// Converts a published encoder of any container to a folder with model.safetensors. Every number is float32 and has
/// the value that it has in the source; the tensors have the names of PyTorch's files and are sorted by name.
/// </summary>
public static class EncoderConversion
{
    private const string Config = "config.json", Weights = "model.safetensors", Vocab = "vocab.txt",
        TokenizerConfig = "tokenizer_config.json", SpecialTokens = "special_tokens_map.json", TiedTable = "cls.predictions.decoder.weight";

    // Values per read: much fewer than a model has, enough for fast reading.
    private const int ChunkValues = 1 << 18;

    // Files of Hugging Face that this project does not read. They are copied if the source has them.
    private static readonly string[] Copied = ["tokenizer.json", "added_tokens.json"];

    /// <summary>Converts a folder.</summary>
    /// <param name="source">A folder with config.json, vocab.txt and weights.</param>
    /// <param name="target">The folder to write. It must be absent or empty.</param>
    /// <param name="openHdf5">Opens a tf_model.h5; null in a program without a reader for HDF5.</param>
    /// <param name="progress">Receives the progress, and one line for each tensor that is left out.</param>
    /// <param name="cancellation">Stops the work; no target is left.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="DataException">
    /// The source is damaged or is not the folder of a supported encoder, or the target cannot be written; the message
    /// names the file.
    /// </exception>
    public static ConversionResult Run(string source, string target, Func<string, TensorFile>? openHdf5, IProgressSink progress, CancellationToken cancellation)
    {
        string config = Path.Combine(source, Config);
        if (File.Exists(config) && ConfigFile.IsOfModel(JsonFile.ParseObject(config, SmallFile.Read(config))))
            throw new DataException($"{source}: is the folder of a model, whose weights are in {Weights} already");
        using var folder = PretrainedFolder.Open(source, openHdf5);
        long values = 0, total = 0;
        int count = 0;
        AtomicFolder.WriteNew(target, written =>
        {
            foreach (string note in folder.Facts)
                progress.Note($"{source}: {note}");
            var tensors = Tensors(folder, line => progress.Note($"{source}: left out: {line}"), cancellation);
            var files = SmallFiles(folder);
            (count, total) = (tensors.Count, tensors.Sum(static tensor => tensor.Stored.ElementCount));
            progress.Begin("converting, MB", Megabytes(total));
            foreach (var (name, content) in files) // config.json, which every reader needs, is the first
                written.Add(name, stream => stream.Write(content));
            written.Add(Weights, stream => Writer(tensors, Advance).WriteTo(stream));
            FolderChecksums.Add(written);
        });
        progress.End($"{count} tensors");
        progress.Note($"{target}: {count} tensors of a {folder.Encoder.ModelType}, {total} values");
        return new ConversionResult(target, folder.Encoder.ModelType, count, total);

        void Advance(int count)
        {
            cancellation.ThrowIfCancellationRequested();
            progress.Report(Megabytes(values += count), "");
        }
    }

    // All tensors of the source that PyTorch's files have, under their names there.
    private static List<NamedTensor> Tensors(PretrainedFolder folder, Action<string> leftOut, CancellationToken cancellation)
    {
        var found = new SortedDictionary<string, NamedTensor>(StringComparer.Ordinal);
        string start = $"{folder.Encoder.ModelType}.", prefix = folder.Tensors.Prefix;
        string? wrongPositions = folder.RotaryTableFault;
        string root = prefix.EndsWith(start, StringComparison.Ordinal) ? prefix[..^start.Length] : "";
        foreach (var (name, tensor) in folder.Tensors.ByName)
            Add(start + name, tensor);
        foreach (var tensor in folder.Tensors.Others)
            Add(PublishedNames.OfHead(tensor, root), tensor);
        return [.. found.Values];

        void Add(string? name, NamedTensor tensor)
        {
            string shown = Printable.Quote(tensor.Stored.Name);
            if (!tensor.Stored.Type.IsFloat())
                leftOut($"{shown}, which has integers");
            else if (name is null)
                leftOut($"{shown}, which only Keras stores");
            else if (wrongPositions is not null && name == start + PublishedNames.RotaryTable)
                leftOut(wrongPositions);
            else if (name == TiedTable && AreEqual(tensor, folder.Tensors.ByName[PublishedNames.WordTable], cancellation))
                leftOut($"{shown}, which is the table of word embeddings again");
            else if (PublishedNames.IsUnknownKernel(tensor.Stored))
                throw new DataException($"{tensor.Stored.Where} has shape {tensor.Stored.ShownShape}; only a kernel with two dimensions can be converted");
            else if (name == SafetensorsWriter.ReservedName)
                throw new DataException($"{tensor.Stored.Where} has a name that a safetensors file cannot have");
            else if (!found.TryAdd(name, tensor with { Name = name }))
                throw new DataException($"{tensor.Stored.Where} and tensor {Printable.Quote(found[name].Stored.Name)} would both be named {Printable.Quote(name)}");
        }
    }

    private static bool AreEqual(NamedTensor one, NamedTensor other, CancellationToken cancellation)
    {
        if (!one.Shape.SequenceEqual(other.Shape) || one.Transposed != other.Transposed)
            return false;
        float[] ones = new float[ChunkValues], others = new float[ChunkValues];
        for (long first = 0; first < one.Stored.ElementCount; first += ChunkValues)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(ChunkValues, one.Stored.ElementCount - first);
            one.Read(first, ones.AsSpan(0, count));
            other.Read(first, others.AsSpan(0, count));
            if (!MemoryMarshal.AsBytes(ones.AsSpan(0, count)).SequenceEqual(MemoryMarshal.AsBytes(others.AsSpan(0, count))))
                return false;
        }
        return true;
    }

    private static SafetensorsWriter Writer(IEnumerable<NamedTensor> tensors, Action<int> advance)
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt"); // linear weights are [out, in], as readers of such files expect
        float[] buffer = [];
        (NamedTensor? Tensor, ReadOnlyMemory<float> Values) transposed = default; // the last one, which is written in parts
        foreach (var tensor in tensors)
        {
            writer.Add(tensor.Name, SafetensorsType.F32, tensor.Shape, (offset, destination) =>
            {
                var values = MemoryMarshal.Cast<byte, float>(destination);
                if (tensor.Transposed)
                {
                    if (transposed.Tensor != tensor)
                        transposed = (tensor, tensor.ReadTransposed(ref buffer));
                    transposed.Values.Span.Slice((int)(offset / sizeof(float)), values.Length).CopyTo(values);
                }
                else
                {
                    tensor.Read(offset / sizeof(float), values);
                }
                advance(values.Length);
            });
        }
        return writer;
    }

    // Everything but the weights. Sizes in config.json are those of the tensors.
    private static List<(string Name, byte[] Content)> SmallFiles(PretrainedFolder folder)
    {
        var encoder = folder.Encoder;
        string config = Path.Combine(folder.FolderPath, Config);
        var json = JsonFile.ParseObject(config, SmallFile.Read(config));
        json["model_type"] = encoder.ModelType;
        json["vocab_size"] = folder.Tensors.ByName[PublishedNames.WordTable].Shape[0];
        json["hidden_size"] = encoder.HiddenSize;
        if (json.ContainsKey("embedding_size"))
            json["embedding_size"] = encoder.HiddenSize; // no encoder of this project has another one
        json["num_hidden_layers"] = encoder.NumHiddenLayers;
        json["intermediate_size"] = encoder.IntermediateSize;
        json["max_position_embeddings"] = encoder.MaxPositionEmbeddings;
        json["type_vocab_size"] = encoder.TypeVocabSize;
        json["torch_dtype"] = "float32";
        json.Remove("dtype"); // a newer name of the same key
        var files = new List<(string, byte[])>
        {
            (Config, JsonSerializer.SerializeToUtf8Bytes(json, FolderJson.Default.JsonObject)),
            (Vocab, SmallFile.Read(PretrainedFolder.VocabularyOf(folder.FolderPath))),
            (TokenizerConfig, Existing(TokenizerConfig) ?? Written(stream => TokenizerFile.Write(stream, PublishedTokenizer.ClassOf(encoder.ModelType), folder.Vocabulary, encoder.MaxPositionEmbeddings, null))),
            (SpecialTokens, Existing(SpecialTokens) ?? Written(stream => TokenizerFile.WriteSpecialTokens(stream, folder.Vocabulary))),
        };
        files.AddRange(from name in Copied let content = Existing(name) where content is not null select (name, content));
        return files;

        byte[]? Existing(string name) => Path.Combine(folder.FolderPath, name) is var path && File.Exists(path) ? SmallFile.Read(path) : null;

        static byte[] Written(Action<Stream> write)
        {
            using var stream = new MemoryStream();
            write(stream);
            return stream.ToArray();
        }
    }

    // Rounded up, because a total of 0 means unknown.
    private static long Megabytes(long values) => (values * sizeof(float) + 999_999) / 1_000_000;
}
