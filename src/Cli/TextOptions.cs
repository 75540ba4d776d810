using System.CommandLine;
using System.CommandLine.Parsing;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli;

/// <summary>The options for vocabularies and published encoders, for one model or several.</summary>
internal sealed class TextOptions
{
    private const string PublishedPreset = "reference";

    private static readonly string[] Types = [EncoderConfig.Bert, EncoderConfig.RoFormer], TypesAndModels = [.. Types, .. ModelZoo.Names];

    private readonly Option<string[]> _vocabularies = Paths("--vocab", Types,
        $"[bert=|roformer=]{ValueName.File}", "vocab.txt for the encoders of that type, or for all encoders; if left out, that of --encoder or of the data folder");

    private readonly Option<string[]> _encoders = Paths("--encoder", TypesAndModels,
        $"[bert=|roformer=|MODEL=]{ValueName.Folder}", "start from a published encoder, a folder of Hugging Face with config.json, vocab.txt and weights; random weights if left out");

    /// <summary>Adds the options, and a check that the encoders fit the command's models.</summary>
    public void AddTo(Command command, Func<SymbolResult, IEnumerable<string>> models)
    {
        command.Add(_encoders);
        command.Add(_vocabularies);
        command.Checks(result =>
        {
            if (result.GetValue(_encoders) is not { Length: > 0 } given)
                return;
            var encoders = Split("--encoder", given, TypesAndModels);
            foreach (string model in models(result))
            {
                var source = SourceOf(encoders, [], model);
                // A folder that is not there is no error of usage, see Read.
                if (Directory.Exists(source.EncoderFolder))
                    source.RequireType(model);
            }
        });
    }

    /// <summary>The values of the options for a model.</summary>
    /// <exception cref="DataException">There is no folder with the encoder.</exception>
    public TextSource Read(ParseResult parsed, string model)
    {
        var source = SourceOf(Split("--encoder", parsed.GetValue(_encoders)!, TypesAndModels), Split("--vocab", parsed.GetValue(_vocabularies)!, Types), model);
        if (source.EncoderFolder is { } folder)
            CommonOptions.RequireFolder("--encoder", folder, "the folder of a published encoder", HubName.Advice(folder));
        return source;
    }

    /// <summary>Writes a note if encoders of the published size start from random weights.</summary>
    public void NoteRandomWeights(ParseResult parsed, string preset, CommandConsole console)
    {
        if (preset == PublishedPreset && parsed.GetValue(_encoders)!.Length == 0)
            console.Progress.Note("text encoders start from random weights; for the published scores, start from published encoders: --encoder bert=DIR roformer=DIR");
    }

    private static Option<string[]> Paths(string name, string[] keys, string value, string description) => CommonOptions.Checked(
        new Option<string[]>(name) { HelpName = value, Description = description, DefaultValueFactory = static _ => [], AllowMultipleArgumentsPerToken = true },
        (texts, _) => Split(name, texts, keys));

    private static TextSource SourceOf(Dictionary<string, string> encoders, Dictionary<string, string> vocabularies, string model)
    {
        string type = ModelZoo.Find(model).Encoder;
        string? encoder = Of(encoders, model, type);
        if (encoder is null && encoders.Count > 0)
            throw new DataException($"--encoder: {model} needs a {type} encoder, and none is given; add {type}=DIR");
        return new TextSource(Of(vocabularies, type), encoder, Hdf5Support.Open);
    }

    private static string? Of(Dictionary<string, string> paths, params string[] keys) => keys.Append("").Select(paths.GetValueOrDefault).FirstOrDefault(static path => path is not null);

    // Accepts the spellings of model names; other texts stay as they are.
    private static string Model(string name)
    {
        try
        {
            return ModelZoo.Canonical(name);
        }
        catch (DataException)
        {
            return name;
        }
    }

    // Splits KEY=PATH into a pair; a path alone has the key "".
    private static Dictionary<string, string> Split(string option, string[] texts, IReadOnlyList<string> keys)
    {
        var paths = new Dictionary<string, string>();
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            bool hasKey = equals > 0 && !text.AsSpan(0, equals).Contains(Path.DirectorySeparatorChar);
            string key = !hasKey ? "" : keys.Contains(text[..equals]) ? text[..equals] : Model(text[..equals]), path = hasKey ? text[(equals + 1)..] : text;
            if (hasKey && !keys.Contains(key))
                throw new DataException($"{option} {text}: '{key}' is not known; use one of {string.Join(", ", keys)}{Suggestion.Text(key, keys)}");
            if (path.Length == 0)
                throw new DataException($"{option} {text}: the path is missing");
            if (!paths.TryAdd(key, path))
                throw new DataException($"{option} {text}: {(hasKey ? key : "a path without a type")} is given twice");
        }
        return paths;
    }
}
