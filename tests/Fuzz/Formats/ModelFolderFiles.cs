using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;
using VideoSim.Models.Zoo;

namespace VideoSim.Fuzz.Formats;

/// <summary>Writes the folder of a small model, whose files can be changed.</summary>
internal static class ModelFolderFiles
{
    /// <summary>Sizes at which reading takes milliseconds.</summary>
    private static readonly Override[] Small =
    [
        "model.frame_width=8", "model.vlad_expansion=1", "model.vlad_groups=2", "model.vlad_clusters=2", "model.vlad_width=4", "model.embedding_width=4", "model.encoder.hidden_size=8", "model.encoder.num_hidden_layers=1",
        "model.encoder.intermediate_size=8", "model.squeeze_ratio=2",
    ];

    /// <summary>Models with each kind of encoder.</summary>
    public const string Bert = "mix", RoFormer = "uniter-roformer";

    private const int Tags = 3;

    /// <summary>Writes a folder.</summary>
    /// <param name="folder">The folder; it exists.</param>
    /// <param name="model">Name of the model.</param>
    /// <param name="hasChecksums">Whether it has checksums. A folder of another program has none.</param>
    public static void Write(string folder, string model, bool hasChecksums = false)
    {
        string made = Path.Combine(folder, "made"), tagFile = Path.Combine(folder, "tag_list.txt");
        File.WriteAllText(tagFile, "1\n2\n3\n");
        var vocabulary = Vocabulary.Parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n天\n地\n"u8, "vocab.txt");
        var config = Preset.Load("micro", model, Small).For(vocabulary.Count, Tags).Model;
        var recipe = Preset.Load("micro", model, Small).Pretrain;
        using var device = new CpuDevice(threads: 1);
        var built = ModelZoo.Create(config);
        using var parameters = built.Parameters;
        parameters.Allocate(device, training: false);
        parameters.Initialize(1);
        var tokenizer = TokenizerFactory.Create(config, vocabulary, TinyDictionary);
        AtomicFolder.Write(made, target =>
        {
            ModelFolder.Write(target, device, built, config, tokenizer, TagList.Read(tagFile), new ModelCard { Stage = "pretrain", Preset = "micro", Seed = 1, Recipe = recipe, Inputs = [] });
            if (hasChecksums)
                FolderChecksums.Add(target);
        });
        foreach (string file in Directory.GetFiles(made))
            File.Move(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        Directory.Delete(made, recursive: true);
    }

    /// <summary>A file of a model's folder.</summary>
    public static byte[] FileOf(string model, string name)
    {
        using var folder = new WorkFolder();
        Write(folder.Path, model, hasChecksums: true);
        return File.ReadAllBytes(Path.Combine(folder.Path, name));
    }

    /// <summary>A dictionary of a few words. jieba's own takes half a second.</summary>
    public static JiebaDictionary TinyDictionary { get; } = JiebaDictionary.Parse("天地 5\n玄黄 3\n"u8, "dict.txt");
}
