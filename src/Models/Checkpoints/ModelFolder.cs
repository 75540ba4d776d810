using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Records;
using VideoSim.Models.Text;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// A model on disk, in the layout of Hugging Face (config.json, model.safetensors, vocab.txt, tokenizer_config.json), with
/// the tag list that its heads follow.
/// </summary>
public sealed class ModelFolder
{
    private const string Config = "config.json", Weights = "model.safetensors", Vocab = "vocab.txt",
        Tokenizer = "tokenizer_config.json", TagFile = "tag_list.txt";

    private ModelFolder(string path, ModelConfig config, Vocabulary vocabulary, TagList tags) =>
        (FolderPath, Configuration, Vocabulary, Tags) = (path, config, vocabulary, tags);

    /// <summary>Where it lies.</summary>
    public string FolderPath { get; }

    /// <summary>Sizes.</summary>
    public ModelConfig Configuration { get; }

    /// <summary>The tokenizer's pieces.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>The tags, in the order of the heads' outputs.</summary>
    public TagList Tags { get; }

    /// <summary>Reads everything but the weights.</summary>
    /// <exception cref="DataException">A file is missing or its contents do not fit; the message names it.</exception>
    public static ModelFolder Open(string path)
    {
        string file = Path.Combine(path, Config);
        ModelConfig config;
        try
        {
            config = JsonSerializer.Deserialize(File.ReadAllBytes(file), ConfigurationJson.Default.ModelConfig)
                ?? throw new DataException($"{file}: holds nothing");
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(file, e);
        }
        catch (JsonException e)
        {
            throw new DataException($"{file}: {e.Message}", e);
        }
        config.Validate();
        var vocabulary = Vocabulary.Load(Path.Combine(path, Vocab));
        var tags = TagList.Read(Path.Combine(path, TagFile));
        if (vocabulary.Count != config.Encoder.VocabSize)
            throw new DataException($"{Path.Combine(path, Vocab)} has {vocabulary.Count} pieces, but {file} says {config.Encoder.VocabSize}");
        if (tags.ClassCount != config.Tags)
            throw new DataException($"{Path.Combine(path, TagFile)} has {tags.ClassCount} tags, but {file} says {config.Tags}");
        return new ModelFolder(path, config, vocabulary, tags);
    }

    /// <summary>The model with its weights.</summary>
    /// <param name="device">Where its memory is.</param>
    /// <param name="training">Whether it needs gradients.</param>
    /// <param name="config">Other dropouts than the folder's; null for the folder's own.</param>
    public IVideoModel Load(Device device, bool training, ModelConfig? config = null)
    {
        var model = ModelZoo.Create(config ?? Configuration);
        model.Parameters.Allocate(device, training);
        model.Parameters.Initialize(seed: 0); // gradients and gaps; every weight is read below
        WeightFile.ReadWeights(Path.Combine(FolderPath, Weights), device, model.Parameters);
        return model;
    }

    /// <summary>Adds all files of a model to a folder.</summary>
    public static void Write(AtomicFolder folder, Device device, IVideoModel model, ModelConfig config, Vocabulary vocabulary, TagList tags)
    {
        folder.Add(Config, stream => JsonSerializer.Serialize(stream, config, ConfigurationJson.Default.ModelConfig));
        folder.Add(Weights, stream => WeightFile.WriteWeights(stream, device, model.Parameters));
        folder.Add(Vocab, stream => stream.Write(vocabulary.ToFile()));
        folder.Add(Tokenizer, stream => stream.Write("{\n  \"tokenizer_class\": \"BertTokenizer\",\n  \"do_lower_case\": true\n}\n"u8));
        folder.Add(TagFile, stream => stream.Write(tags.ToFile()));
    }
}
