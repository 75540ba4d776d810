using System.CommandLine;
using VideoSim.Engine;
using VideoSim.Models.Configuration;
using VideoSim.Models.Training;

namespace VideoSim.Cli;

/// <summary>The options that say where vocabularies come from, for one model or several.</summary>
internal sealed class TextOptions
{
    private static readonly string[] Kinds = [EncoderConfig.Bert, EncoderConfig.RoFormer];

    private readonly Option<string[]> _vocabularies = CommonOptions.Checked(
        new Option<string[]>("--vocab")
        {
            Description = "[bert=|roformer=]FILE ...: vocab.txt of the encoders of that type, or of all; the data folder's if left out",
            DefaultValueFactory = static _ => [],
            AllowMultipleArgumentsPerToken = true,
        },
        static (texts, _) => Split("--vocab", texts, Kinds));

    public void AddTo(Command command) => command.Add(_vocabularies);

    /// <summary>What the options say for a model.</summary>
    public TextSource Read(ParseResult parsed, string model)
    {
        var vocabularies = Split("--vocab", parsed.GetValue(_vocabularies)!, Kinds);
        return new TextSource(Of(vocabularies, Preset.Load(Preset.Names[0], model, []).Model.Encoder.ModelType));
    }

    private static string? Of(Dictionary<string, string> paths, params string[] keys) => keys.Append("").Select(paths.GetValueOrDefault).FirstOrDefault(static path => path is not null);

    // KEY=PATH as a pair; a path alone has the key "".
    private static Dictionary<string, string> Split(string option, string[] texts, IReadOnlyList<string> keys)
    {
        var paths = new Dictionary<string, string>();
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            bool hasKey = equals > 0 && !text.AsSpan(0, equals).Contains(Path.DirectorySeparatorChar);
            string key = hasKey ? text[..equals] : "", path = hasKey ? text[(equals + 1)..] : text;
            if (hasKey && !keys.Contains(key))
                throw new DataException($"{option} {text}: there is no '{key}', only {string.Join(", ", keys)}");
            if (path.Length == 0)
                throw new DataException($"{option} {text}: names no path");
            if (!paths.TryAdd(key, path))
                throw new DataException($"{option} {text}: {(hasKey ? key : "a path without a type")} is given twice");
        }
        return paths;
    }
}
