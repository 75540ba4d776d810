using System.CommandLine;
using System.CommandLine.Parsing;
using VideoSim.Cli.Completion;
using VideoSim.Cli.Help;
using VideoSim.Engine.Serialization;

namespace VideoSim.Cli;

/// <summary>What is wrong with a command line, in one line, with the name that was probably meant.</summary>
internal static class UsageErrors
{
    private const string IsRequired = " is required.", KeyAndValue = "KEY=VALUE";

    // More names are no help in one line.
    private const int MostListed = 4;

    /// <summary>The line; null if the command can run.</summary>
    public static string? Of(ParseResult parsed, IReadOnlyList<string> args)
    {
        var command = parsed.CommandResult.Command;
        var options = CommandPath.Options(command).ToArray();
        string[] known = [.. options.Select(static option => option.Name)];
        // The library reads -help as -h and elp. Programs that write texts make one dash of two hyphens.
        if (args.Where((arg, i) => arg.Length > 2 && !known.Contains(arg) && !IsValue(options, args, i)).FirstOrDefault(arg => known.Contains(WithHyphens(arg))) is { } single)
            return $"there is no option {Printable.Quote(single)}{Meant(WithHyphens(single))}";
        // What is cut off or unknown is reported first: it is often the reason why something else is missing.
        if (args.FirstOrDefault(arg => arg.EndsWith('=') && arg[..^1] != CommonOptions.Title && known.Contains(arg[..^1])) is { } cut)
            return $"{cut[..^1]} is empty";
        if (options.FirstOrDefault(option => LacksValue(option, args, known)) is { } bare)
            return $"{bare.Name} needs a value: {bare.Name} {ValueName.Of(bare)}";
        if (parsed.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(static given => given.Option.Arity.MaximumNumberOfValues == 1 && given.Tokens.Count > 1) is { } twice)
            return $"{twice.Option.Name} takes one value, and {twice.Tokens.Count} are given";
        if (TakenAsValue(parsed, args) is { } taken)
            return UnknownOption(parsed, command, taken.Split('=')[0], args);
        if (parsed.UnmatchedTokens.Count > 0)
            return Unknown(parsed, parsed.UnmatchedTokens[0], args);
        if (EmptyOption(parsed) is { } empty)
            return $"{empty} is empty";
        return parsed.Errors.OrderBy(Rank).FirstOrDefault() is { } error ? Text(parsed, error) : null;
    }

    // A value that is wrong comes first, then what is missing, then values that do not fit together.
    private static int Rank(ParseError error) => error.Message.EndsWith(IsRequired, StringComparison.Ordinal) ? 1 : error.SymbolResult is CommandResult ? 2 : 0;

    // An empty text may be a title. It is no value of any other option or argument: as a path it would mean the
    // current folder.
    private static string? EmptyOption(ParseResult parsed) => parsed.CommandResult.Children
        .FirstOrDefault(static child => child is not OptionResult { Option.Name: CommonOptions.Title } && child.Tokens.Any(static token => token.Value.Length == 0)) switch
    {
        OptionResult option => option.Option.Name,
        ArgumentResult argument => ValueName.Of(argument.Argument),
        _ => null,
    };

    // The library would take the next option as the value.
    private static bool LacksValue(Option option, IReadOnlyList<string> args, string[] known) => ValueName.Of(option).Length > 0
        && Enumerable.Range(0, args.Count).Any(i => args[i] == option.Name && (i + 1 == args.Count || known.Contains(args[i + 1])));

    // Whether a word is the value of the option before it.
    private static bool IsValue(Option[] options, IReadOnlyList<string> args, int i) =>
        i > 0 && options.Any(option => option.Name == args[i - 1] && option.Arity.MaximumNumberOfValues == 1 && ValueName.Of(option).Length > 0);

    // The option that a word with a wrong number of hyphens, or with dashes, was meant to be.
    private static string WithHyphens(string word) => !word.StartsWith("--", StringComparison.Ordinal) && word[0] is ('-' or '–' or '—' or '−') ? $"--{word.TrimStart('-', '–', '—', '−').Split('=')[0]}" : word;

    // An unknown option that the library took as a value. Behind the word -- nothing is an option.
    private static string? TakenAsValue(ParseResult parsed, IReadOnlyList<string> args)
    {
        string[] before = [.. args.TakeWhile(static arg => arg != "--")];
        return parsed.CommandResult.Children.SelectMany(static child => child.Tokens.Select(token => (token.Value, TakesSeveral: TakesSeveral(child))))
            .FirstOrDefault(given => before.Contains(given.Value)
                && ((given.Value.Length > 2 && given.Value.StartsWith("--", StringComparison.Ordinal)) || (given.TakesSeveral && ForeignNames.Options.ContainsKey(given.Value)))).Value;
    }

    private static bool TakesSeveral(SymbolResult result) => result switch
    {
        OptionResult option => option.Option.Arity.MaximumNumberOfValues > 1,
        ArgumentResult argument => argument.Argument.Arity.MaximumNumberOfValues > 1,
        _ => false,
    };

    private static string Unknown(ParseResult parsed, string token, IReadOnlyList<string> args)
    {
        var command = parsed.CommandResult.Command;
        if (token.StartsWith('-') && token.Length > 1)
            return UnknownOption(parsed, command, token.Split('=')[0], args);
        // Words without quotes: --title A cat sleeps.
        int place = args.ToList().LastIndexOf(token);
        int option = place < 1 ? -1 : args.Take(place).ToList().FindLastIndex(static arg => arg.StartsWith("--", StringComparison.Ordinal));
        if (CommandPath.IsGroup(command) || (command.Subcommands.Count > 0 && option < 0))
            return $"there is no command {Printable.Quote(Full(command, token))}{Meant(NearestCommand(parsed, command, token))}";
        var before = option >= 0 && option + 1 < place ? CommandPath.Options(command).FirstOrDefault(one => one.Name == args[option]) : null;
        if (before is { AllowMultipleArgumentsPerToken: false, HelpName: KeyAndValue })
            return $"{before.Name} takes {KeyAndValue} as one word: {before.Name} {Printable.OneLine(args[option + 1])}={Printable.OneLine(token)}";
        // Only a text or a path has blanks. A word after a path may also be a value whose option is missing.
        string? named = OptionOf(command, token, args);
        if (before is { Arity.MaximumNumberOfValues: 1 } cut && (ValueName.Of(cut) == "TEXT"
            || (named is null && ValueName.Of(cut) is ValueName.File or ValueName.Folder && !token.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal))))
        {
            return $"{cut.Name} takes one value; put a value with blanks in quotes: {cut.Name} {Printable.Quote(string.Join(' ', args.Skip(option + 1).TakeWhile(static arg => !arg.StartsWith('-'))))}";
        }
        string problem = $"'{CommandPath.Of(command)}' takes no {Printable.Quote(token)}";
        if (named is not null)
            return $"{problem} without an option before it{Meant(named)}";
        return command.Options.FirstOrDefault(one => one.Required && IsPath(one) && !args.Contains(one.Name)) is { } missing
            ? $"{problem} without an option before it; did you mean '{missing.Name} {Printable.OneLine(token)}'?" : before is null ? problem : $"{problem} without an option before it";
    }

    // The option that is not given and has a word among its values, with the value.
    private static string? OptionOf(Command command, string word, IReadOnlyList<string> args) => CommandPath.Shown(command)
        .Where(option => !args.Any(arg => arg.Split('=')[0] == option.Name))
        .SelectMany(static option => CompletedCommand.Of(option).Value.Words.Select(name => (Option: option.Name, Name: name)))
        .Where(one => one.Name.Equals(word, StringComparison.OrdinalIgnoreCase)).Select(static one => $"{one.Option} {one.Name}").FirstOrDefault();

    // One path or several, perhaps with a key before it.
    private static bool IsPath(Option option) => option.HelpName is { } name && (name.EndsWith(ValueName.File, StringComparison.Ordinal) || name.EndsWith(ValueName.Folder, StringComparison.Ordinal));

    // An option of the command where it is not read: before the command, or behind the word --.
    private static string Misplaced(Command command, string name, IReadOnlyList<string> args)
    {
        int place = args.ToList().FindIndex(arg => arg.Split('=')[0] == name);
        if (args.Take(place).Contains("--"))
            return $"{name} is behind --, where nothing is an option";
        string path = CommandPath.Of(command), value = ValueName.Of(CommandPath.Options(command).First(option => option.Name == name));
        if (value.Length > 0 && place + 1 < args.Count && !args[place + 1].StartsWith('-') && !path.Split(' ').Contains(args[place + 1]))
            value = args[place + 1].Contains(' ', StringComparison.Ordinal) ? Printable.Quote(args[place + 1]) : Printable.OneLine(args[place + 1]);
        string option = args[place] == name ? $"{name} {value}".TrimEnd() : Printable.OneLine(args[place]);
        return $"the command comes before its options: {CommandPath.Program} {path} {option}";
    }

    private static string UnknownOption(ParseResult parsed, Command command, string name, IReadOnlyList<string> args)
    {
        string[] known = [.. CommandPath.Options(command).Select(static option => option.Name)];
        if (known.Contains(name))
            return Misplaced(command, name, args);
        string problem = $"there is no option {Printable.Quote(name)}";
        // Other programs have --batch_size.
        string dashed = name.Replace('_', '-');
        if (ForeignNames.Unneeded.TryGetValue(dashed, out string? instead))
            return $"{problem}; {instead}";
        if (known.Contains(dashed))
            return problem + Meant(dashed);
        if (ForeignNames.Options.TryGetValue(dashed, out string[]? ours) && ours.FirstOrDefault(one => known.Contains(one.Split(' ')[0])) is { } translated)
            return problem + Meant(translated);
        if (Suggestion.For(name, known) is { } near)
            return problem + Meant(near);
        // A command that has commands does not read the options of all others.
        var tree = CommandPath.IsGroup(command) ? command : parsed.RootCommandResult.Command;
        string[] others = [.. CommandPath.Tree(tree).Where(one => one != command && one.Options.Any(option => option.Name == name && !option.Hidden)).Select(static one => $"'{CommandPath.Of(one)}'")];
        string of = command == parsed.RootCommandResult.Command ? "without a command" : $"of '{CommandPath.Of(command)}'";
        return others.Length switch
        {
            0 => problem,
            <= MostListed => $"{problem} {of}; {Listed(others)} {(others.Length == 1 ? "has" : "have")} it",
            _ => $"{problem} {of}; {Listed([.. others[..MostListed], $"{others.Length - MostListed} others"])} have it",
        };
    }

    // The nearest command of this group, or else of all groups.
    private static string? NearestCommand(ParseResult parsed, Command command, string token)
    {
        string[] beside = [.. command.Subcommands.Select(static one => one.Name)];
        var all = CommandPath.Tree(parsed.RootCommandResult.Command).Select(CommandPath.Of).ToLookup(static path => path.Split(' ')[^1]);
        string? near = Suggestion.For(token, beside) is { } name ? Full(command, name)
            : all[token].FirstOrDefault() ?? ForeignNames.Commands.GetValueOrDefault(token);
        return near ?? (Suggestion.For(token, all.Select(static names => names.Key)) is { } other ? all[other].First() : null);
    }

    private static string Full(Command command, string name) => $"{CommandPath.Of(command)} {name}".TrimStart();

    private static string Meant(string? name) => name is null ? "" : $"; did you mean '{name}'?";

    // The library's messages have types of .NET, or do not say what is needed.
    private static string Text(ParseResult parsed, ParseError error)
    {
        string message = error.Message;
        if (message.EndsWith(IsRequired, StringComparison.Ordinal))
        {
            string[] missing = [.. parsed.Errors.Where(static one => one.Message.EndsWith(IsRequired, StringComparison.Ordinal)).Select(static one => one.Message.Split('\'')[1])];
            return missing.Length == 1 ? $"option '{missing[0]}' is required" : $"options {Listed([.. missing.Select(static name => $"'{name}'")])} are required";
        }
        if (message.StartsWith("Required argument missing for command", StringComparison.Ordinal))
        {
            var command = parsed.CommandResult.Command;
            return $"'{CommandPath.Of(command)}' needs {Listed([.. command.Arguments.Select(ValueName.Of)])}";
        }
        if (message.StartsWith("Cannot parse argument", StringComparison.Ordinal) && error.SymbolResult is { Tokens: [.., var token] } and (OptionResult or ArgumentResult))
        {
            var (name, type) = error.SymbolResult is OptionResult { Option: var option } ? (option.Name, option.ValueType) : (ValueName.Of(((ArgumentResult)error.SymbolResult).Argument), typeof(string));
            string given = Printable.Quote(token.Value);
            return token.Value.All(char.IsAsciiDigit) ? $"{name} cannot be so large: {given}" : $"{name} takes {Kind(Nullable.GetUnderlyingType(type) ?? type)}, not {given}";
        }
        return message.TrimEnd('.');
    }

    private static string Kind(Type type) => type == typeof(ulong) ? "a whole number from 0"
        : type == typeof(int) || type == typeof(long) ? "a whole number" : type == typeof(double) ? "a number" : type == typeof(bool) ? "no value" : "another value";

    private static string Listed(string[] names) => names.Length == 1 ? names[0] : $"{string.Join(", ", names[..^1])} and {names[^1]}";
}
