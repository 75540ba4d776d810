using System.CommandLine;

namespace VideoSim.Cli.Help;

/// <summary>
/// The name of an option's value in help: FILE, DIR, N, NAME. Completion offers files for FILE and folders for DIR.
/// </summary>
internal static class ValueName
{
    /// <summary>A path of a file, or of a folder with files.</summary>
    public const string File = "FILE";

    /// <summary>A path of a folder.</summary>
    public const string Folder = "DIR";

    /// <summary>The name of an option's value; empty for an option without a value.</summary>
    public static string Of(Option option) => option.Arity.MaximumNumberOfValues == 0 || option.ValueType == typeof(bool) || option.ValueType == typeof(void) ? ""
        : Named(option.HelpName, option.ValueType, option.AllowMultipleArgumentsPerToken);

    /// <summary>The name of an argument.</summary>
    public static string Of(Argument argument) => Named(argument.HelpName ?? argument.Name.ToUpperInvariant(), argument.ValueType, argument.Arity.MaximumNumberOfValues > 1);

    private static string Named(string? given, Type type, bool several) => (given ?? (type == typeof(string) || type == typeof(string[]) ? "TEXT" : "N")) + (several ? " ..." : "");
}
