using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Rotary;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Text;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// A model on disk, in the layout of Hugging Face (config.json, model.safetensors, vocab.txt, tokenizer_config.json,
/// special_tokens_map.json, README.md), with the tag list in the order of its heads.
/// </summary>
public sealed class ModelFolder
{
    /// <summary>Name of the model folder that a finished training run writes.</summary>
    public const string LastOfRun = "last";

    /// <summary>Name of a run's model folder with the best validation score. A run without pairs has none.</summary>
    public const string BestOfRun = "best";

    private const string Config = "config.json", Weights = "model.safetensors", Vocab = "vocab.txt",
        TokenizerConfig = "tokenizer_config.json", SpecialTokens = "special_tokens_map.json", TagFile = "tag_list.txt", Card = "README.md";

    private const int NamedFolders = 5;

    // Other programs take it from the file. It is constant, so this one computes it.
    private const string RotaryPositions = $"{EncoderConfig.RoFormer}.{PublishedNames.RotaryTable}";

    private ModelFolder(string path, ModelConfig config, ITokenizer tokenizer, TagList tags, string? warning) =>
        (FolderPath, Configuration, Tokenizer, Tags, Warning) = (path, config, tokenizer, tags, warning);

    /// <summary>Path of the folder.</summary>
    public string FolderPath { get; }

    /// <summary>Sizes of the model.</summary>
    public ModelConfig Configuration { get; }

    /// <summary>The tokenizer of titles.</summary>
    public ITokenizer Tokenizer { get; }

    /// <summary>The tags, in the order of the heads' outputs.</summary>
    public TagList Tags { get; }

    /// <summary>A line for the user if the files could not be checked; otherwise null.</summary>
    public string? Warning { get; }

    /// <summary>
    /// Checks that every file is as it was written, if the folder has checksums, and reads all files except the
    /// weights. Of the weights it checks names and shapes.
    /// </summary>
    /// <param name="path">
    /// A model folder, or the folder of a training run. In a run's folder the last model is opened.
    /// </param>
    /// <param name="dictionary">
    /// Dictionary of a RoFormer's tokenizer; null for jieba's own. The model must have been trained with it.
    /// </param>
    /// <exception cref="DataException">
    /// A file is missing, has changed since it was written, or does not fit the others; the message names it.
    /// </exception>
    public static ModelFolder Open(string path, JiebaDictionary? dictionary = null) => OpenModel(InRun(path, LastOfRun), dictionary);

    /// <summary>
    /// As <see cref="Open"/>, but in a run's folder the best model is opened, and the last one if there is no best.
    /// This is for commands that use a trained model. Commands that train it further or examine a run open the last
    /// model, as in the reference.
    /// </summary>
    /// <inheritdoc cref="Open"/>
    public static ModelFolder OpenBest(string path, JiebaDictionary? dictionary = null) => OpenModel(InRun(path, BestOfRun, LastOfRun), dictionary);

    // A model folder of a run's folder; any other path stays as it is.
    private static string InRun(string path, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (!File.Exists(Path.Combine(path, Config)) && Directory.Exists(Path.Combine(path, name)))
                return Path.Combine(path, name);
        }
        return path;
    }

    // The end of a message: the folders in a folder that can be opened.
    private static string Below(string path)
    {
        if (!Directory.Exists(path))
            return "";
        string[] names = [.. FolderListing.Folders(path).Where(static folder => File.Exists(Path.Combine(InRun(folder, BestOfRun, LastOfRun), Config)))
            .Select(static folder => Path.GetFileName(folder)).OrderBy(static name => name.Length).ThenBy(static name => name, StringComparer.Ordinal)];
        string named = string.Join(", ", names.Take(NamedFolders).Select(Printable.OneLine));
        return names.Length == 0 ? "" : $"; name one of its folders {named}{(names.Length > NamedFolders ? ", ..." : "")}";
    }

    private static ModelFolder OpenModel(string path, JiebaDictionary? dictionary)
    {
        string file = Path.Combine(path, Config);
        if (!File.Exists(file))
            throw new DataException($"{file}: there is no such file; {path} is neither a model folder nor the folder of a finished run{Below(path)}");
        string? warning = RequireWhole(path);
        var config = ConfigFile.Read(file);
        config.Validate($"{file}: ");
        using var declared = Declare(config, file);
        var vocabulary = Vocabulary.Load(Path.Combine(path, Vocab));
        var tags = TagList.Read(Path.Combine(path, TagFile));
        if (vocabulary.Count != config.Encoder.VocabSize)
            throw new DataException($"{Path.Combine(path, Vocab)} has {vocabulary.Count} pieces, but vocab_size in {file} is {config.Encoder.VocabSize}");
        if (tags.ClassCount != config.Tags)
            throw new DataException($"{Path.Combine(path, TagFile)} has {tags.ClassCount} tags, but tags in {file} is {config.Tags}");
        var tokenizer = TokenizerFactory.Create(config, vocabulary, dictionary);
        TokenizerFile.Check(Path.Combine(path, TokenizerConfig), tokenizer);
        WeightFile.RequireFits(Path.Combine(path, Weights), declared, RotaryPositions);
        return new ModelFolder(path, config, tokenizer, tags, warning);
    }

    /// <summary>
    /// Refuses a folder of this program in which a file has changed, is gone or is new. Returns a warning for the user
    /// if a checkpoint of an older version could not be checked.
    /// </summary>
    /// <exception cref="DataException">A file is not as it was written; the message names it.</exception>
    internal static string? RequireWhole(string path) => FolderChecksums.Require(path, isModel: true, Config, Weights, Vocab, TokenizerConfig, TagFile);

    /// <summary>Paths of the files that determine what the model computes.</summary>
    public IEnumerable<string> Files => FilesOf(FolderPath);

    /// <summary>
    /// Paths of the files in a folder that determine what a model computes. The files need not exist.
    /// </summary>
    public static IEnumerable<string> FilesOf(string path) => new[] { Config, Weights, Vocab, TokenizerConfig, TagFile }.Select(name => Path.Combine(path, name));

    /// <summary>
    /// A SHA-256 of <see cref="Files"/>, in lower-case hexadecimal. Folders with the same digest compute the same.
    /// </summary>
    /// <exception cref="DataException">A file cannot be read.</exception>
    public string Digest() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n',
        Files.Where(File.Exists).Select(static file => $"{Path.GetFileName(file)} {FileDigest.OfContent(file).Sha256}")))));

    // Declares the weights for the sizes, without memory.
    private static ParameterStore Declare(ModelConfig config, string file)
    {
        try
        {
            return ModelZoo.Create(config).Parameters;
        }
        catch (DataException e)
        {
            throw new DataException($"{file}: {e.Message}", e);
        }
    }

    /// <summary>The model with its weights.</summary>
    /// <param name="device">Device of its memory.</param>
    /// <param name="training">Whether it needs gradients.</param>
    /// <param name="config">Configuration with other dropouts; null for the folder's own.</param>
    public IVideoModel Load(Device device, bool training, ModelConfig? config = null)
    {
        var model = ModelZoo.Create(config ?? Configuration);
        model.Parameters.Allocate(device, training);
        ReadWeights(model);
        return model;
    }

    /// <summary>Reads the folder's weights into a model of the same sizes. Its memory must be allocated.</summary>
    public void ReadWeights(IVideoModel model) => WeightFile.ReadWeights(Path.Combine(FolderPath, Weights), model.Parameters);

    /// <summary>Adds all files of a model to a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Device of the weights.</param>
    /// <param name="model">The model.</param>
    /// <param name="config">Its sizes.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="tags">The tags of its heads.</param>
    /// <param name="card">What its card says about its training.</param>
    public static void Write(AtomicFolder folder, Device device, IVideoModel model, ModelConfig config, ITokenizer tokenizer, TagList tags, ModelCard card)
    {
        var vocabulary = tokenizer.Vocabulary;
        folder.Add(Config, stream => ConfigFile.Write(stream, config, vocabulary.PadId));
        folder.Add(Weights, stream => WeightFile.WriteWeights(stream, device, model.Parameters, config.Encoder.ModelType == EncoderConfig.RoFormer ? AddRotaryPositions : null));
        folder.Add(Vocab, stream => stream.Write(vocabulary.ToFile()));
        folder.Add(TokenizerConfig, stream => TokenizerFile.Write(stream, tokenizer.ClassName, vocabulary, config.Encoder.MaxPositionEmbeddings, tokenizer.DictionarySha256));
        folder.Add(SpecialTokens, stream => TokenizerFile.WriteSpecialTokens(stream, vocabulary));
        folder.Add(TagFile, stream => stream.Write(tags.ToFile()));
        folder.Add(Card, stream => stream.Write(Encoding.UTF8.GetBytes(card.Text(config, model.Parameters.Count, folder.Files))));

        void AddRotaryPositions(SafetensorsWriter writer)
        {
            int positions = config.Encoder.MaxPositionEmbeddings, width = config.Encoder.HiddenSize / config.Encoder.NumAttentionHeads;
            writer.Add(RotaryPositions, new Shape(positions, width), RotaryTable.Create(positions, width));
        }
    }
}
