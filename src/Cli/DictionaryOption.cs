using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Models.Text;
using VideoSim.Models.Training;

namespace VideoSim.Cli;

/// <summary><c>--jieba-dict</c>, of every command that tokenizes.</summary>
internal sealed class DictionaryOption
{
    public Option<string?> Option { get; } = new("--jieba-dict")
    {
        HelpName = ValueName.File,
        Description = "dictionary for RoFormer models, which cut titles into words: each line has a word, a blank and a count; jieba's own if left out",
    };

    /// <summary>The file of the option, as a list of at most one file.</summary>
    public IEnumerable<string> Files(ParseResult parsed) => parsed.GetValue(Option) is { } path ? [path] : [];

    /// <summary>As <see cref="Files"/>, with the name of the option.</summary>
    public IEnumerable<InputFile> Inputs(ParseResult parsed) => Files(parsed).Select(path => new InputFile(Option.Name, path));

    /// <summary>The dictionary of the option; null for jieba's own.</summary>
    /// <exception cref="DataException">The file is not a dictionary.</exception>
    public JiebaDictionary? Read(ParseResult parsed) => parsed.GetValue(Option) is { } path ? JiebaDictionary.Load(path) : null;
}
