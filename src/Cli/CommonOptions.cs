using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli;

/// <summary>Options that several commands share, each defined once.</summary>
internal static class CommonOptions
{
    /// <summary>Kind of folder that an option for a model names, for messages.</summary>
    public const string FolderOfModel = "the folder of a model or of a run";

    // More than any machine has processors. Each thread costs memory.
    private const int MostThreads = 4096;

    /// <summary>The only option whose value may be empty.</summary>
    public const string Title = "--title";

    /// <summary>The option that deletes earlier results of a command.</summary>
    public const string OutputDirectoryName = "--output-dir";

    public const string OverwriteName = "--overwrite-output-dir";

    private static CudaDevice? _opened; // a process runs one command

    public static readonly Option<bool> Verbose = new("--verbose") { Description = "show the place in the code where an error occurs", Recursive = true };

    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "only warnings and errors on stderr", Recursive = true };

    public static Option<bool> Json() => new("--json") { Description = "results as JSON on stdout" };

    public static Option<string> DeviceName(string otherwise = "cpu") => Checked(new Option<string>("--device") { HelpName = "DEVICE", CompletionSources = { "cpu", "cuda", "cuda:0" }, Description = "cpu, cuda or cuda:N", DefaultValueFactory = _ => otherwise },
        static (name, _) => RequireDevice(name));

    /// <summary>Throws if a text is not the name of a device; null is for an option that is not given.</summary>
    /// <exception cref="DataException">The text is not the name of a device.</exception>
    public static void RequireDevice(string? name)
    {
        if (name is not null && !DeviceNames.IsName(name))
            throw new DataException($"--device {Printable.OneLine(name)}: the devices are {DeviceNames.All}{Suggestion.Text(name.Replace("gpu", "cuda", StringComparison.OrdinalIgnoreCase), ["cpu", "cuda", "cuda:0", "cuda:1"])}");
    }

    public static Option<int> Threads(string description = "threads of the cpu device; any number gives the same bits") => Checked(
        new Option<int>("--threads") { Description = description, DefaultValueFactory = _ => Environment.ProcessorCount },
        static (number, _) =>
        {
            if (number is < 1 or > MostThreads)
                throw new DataException($"--threads must be from 1 to {MostThreads}, not {number}");
        });

    public static Option<ElementType?> Precision(string description = "precision of training steps: fp32 or, on a CUDA device, bf16; that of the preset if left out") => new("--precision")
    {
        Description = description, HelpName = "fp32|bf16",
        CustomParser = static result =>
        {
            var precision = PrecisionName.Parse(result.Tokens[0].Value);
            if (precision is null)
                result.AddError($"--precision {PrecisionName.Refusal(result.Tokens[0].Value)}");
            return precision;
        },
    };

    public static Option<string?> Stage(string description) => Checked(new Option<string?>("--stage") { HelpName = "pretrain|finetune", Description = description },
        static (name, _) => RequireOneOf("--stage", name, ["pretrain", "finetune"]));

    public static Option<string?> Tuning() => new("--tuning") { HelpName = ValueName.File, Description = "table of 'bench tune', which chooses algorithms of cuBLASLt; the bits depend on it" };

    /// <summary>Refuses a tuning table for the CPU.</summary>
    public static void RequireCudaFor(this Command command, Option<string?> tuning, Option<string> device) => command.Checks(result =>
    {
        // A validator does not get default values.
        if (result.GetValue(tuning) is not null && (result.GetValue(device) ?? "cpu") == "cpu")
            throw new DataException($"{tuning.Name} is for cuBLASLt, which the CPU does not use: add {device.Name} cuda");
    });

    /// <summary>Throws if a value is not one of a list; null is for an option that is not given.</summary>
    /// <exception cref="DataException">The value is not in the list.</exception>
    public static void RequireOneOf(string option, string? value, IReadOnlyList<string> all)
    {
        if (value is not null && !all.Contains(value))
            throw new DataException($"{option} cannot be {Printable.Quote(value)}; it must be {string.Join(" or ", all)}{Suggestion.Text(value, all)}");
    }

    public static Option<ulong> Seed(string description = "key of all random numbers") => new("--seed") { Description = description, DefaultValueFactory = _ => Preset.DefaultSeed };

    public static Option<string> OutputDirectory() => new(OutputDirectoryName) { HelpName = ValueName.Folder, Description = "folder of the run; after an interruption the same command continues in it", Required = true };

    public static Option<bool> Overwrite() => new(OverwriteName) { Description = "delete the results of the same command in --output-dir, and begin again" };

    public static Option<string> PresetName(string otherwise = Preset.DefaultName) => Checked(
        new Option<string>("--preset") { HelpName = "NAME", CompletionSources = { Preset.Names.ToArray() }, Description = string.Join(", ", Preset.Names), DefaultValueFactory = _ => otherwise, CustomParser = static result => Preset.Canonical(result.Tokens[0].Value) },
        (name, _) => LoadPreset(name, []));

    public static Option<string[]> Set() => new("--set") { Description = "change a key of the preset, such as pretrain.steps=100; may be repeated", HelpName = "KEY=VALUE", CompletionSources = { static _ => PresetKeys.All.Select(static key => new CompletionItem($"{key.Path}=")) }, DefaultValueFactory = _ => [] };

    public static Option<string[]> Set(Option<string> preset) => Checked(Set(), (overrides, result) => LoadPreset(result.GetValue(preset) ?? Preset.DefaultName, [.. overrides]));

    public static Option<string> Model(bool required = true) => Checked(
        new Option<string>("--model") { HelpName = "NAME", CompletionSources = { ModelZoo.Names.ToArray() }, Description = string.Join(", ", ModelZoo.Names), Required = required },
        (name, _) => ModelZoo.Canonical(name));

    public static Option<string[]> Models() => Checked(
        new Option<string[]>("--models")
        {
            HelpName = "NAME",
            CompletionSources = { ModelZoo.Names.ToArray() },
            Description = string.Join(", ", ModelZoo.Names),
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. ModelZoo.Names],
        },
        (names, _) => Array.ForEach(names, name => ModelZoo.Canonical(name)));

    public static Option<string> Data() => new("--data") { HelpName = ValueName.Folder, Description = "folder with the challenge's files", Required = true };

    /// <summary>Opens the folder of an option for data.</summary>
    /// <exception cref="DataException">There is no such folder, or it has none of the challenge's folders.</exception>
    public static DataFolder OpenData(string path)
    {
        RequireFolder("--data", path, "a data folder");
        var data = new DataFolder(path);
        string parent = Path.GetDirectoryName(data.FullPath) ?? "";
        return data.HasParts ? data : throw new DataException(new DataFolder(parent).HasParts && data.IsPartOfParent
            ? $"--data {path}: is a part of a data folder; pass {parent}" : $"--data {path}: is not a data folder; 'data import' makes one");
    }

    /// <summary>Refuses the value of an option that is not a folder.</summary>
    /// <param name="option">Name of the option.</param>
    /// <param name="path">Its value.</param>
    /// <param name="what">Kind of folder, for messages.</param>
    /// <param name="advice">What helps if there is nothing at the path; the end of the message.</param>
    /// <exception cref="DataException">It is not a folder; the message names the option.</exception>
    public static void RequireFolder(string option, string path, string what, string advice = "")
    {
        if (!PathCheck.IsFolder(path))
            throw new DataException($"{option} {Printable.Whole(path)}: {(PathCheck.IsFile(path) ? $"is a file, not {what}" : $"there is no such folder{advice}")}{WrongSeparator(path)}");
    }

    // A path of Windows on another system is one long name.
    private static string WrongSeparator(string path) => Path.DirectorySeparatorChar == '/' && path.Contains('\\', StringComparison.Ordinal) ? "; here folders are separated by /" : "";

    /// <summary>Opens the model of <see cref="TrainedModel"/>.</summary>
    /// <exception cref="DataException">It cannot be opened.</exception>
    public static ModelFolder OpenTrained(string path, JiebaDictionary? dictionary, CommandConsole console)
    {
        RequireFolder("--checkpoint", path, FolderOfModel);
        return UsableModel.OpenBest(path, dictionary, console.Progress);
    }

    /// <summary>The model of a command that uses it, see <see cref="UsableModel.OpenBest"/>.</summary>
    public static Option<string> TrainedModel() => new("--checkpoint")
    {
        HelpName = ValueName.Folder,
        Description = "a model folder; a run's folder stands for its best model, or the last if it has no best", Required = true,
    };

    public static Option<string[]> Records(string description) => new("--records") { HelpName = ValueName.File, Description = description, AllowMultipleArgumentsPerToken = true };

    public static Option<bool> SkipBadRecords() => new("--skip-bad-records") { Description = "leave out damaged records instead of stopping" };

    public static Option<Shard?> OneShard(string description) => new("--shard")
    {
        Description = description, HelpName = "K/N",
        CustomParser = static result =>
        {
            try
            {
                return Shard.Parse(result.Tokens[0].Value);
            }
            catch (DataException e)
            {
                result.AddError($"--shard {e.Message}");
                return null;
            }
        },
    };

    public static Option<bool> Collect() => new("--collect") { Description = "join the shards that all --shard have left" };

    /// <summary>Refuses a command that writes a shard and joins all at once.</summary>
    public static void RequireShardOrCollect(CommandResult result, Option<Shard?> shard, Option<bool> collect)
    {
        if (result.GetValue(shard) is not null && result.GetValue(collect))
            throw new DataException("--shard does one part and --collect joins all of them; leave one out");
    }

    public static Option<bool> VideoDisjoint() =>
        new("--video-disjoint") { Description = "leave out training pairs that share a video with the fold's validation pairs" };

    public static Option<bool> Eager() => new("--eager") { Description = "rebuild every step instead of replaying it: slower, with the same bits" };

    public static Option<int> Positive(string name, string description, int value) => Checked(
        new Option<int>(name) { Description = description, DefaultValueFactory = _ => value },
        (number, _) =>
        {
            if (number <= 0)
                throw new DataException($"{name} must be positive, not {number}");
        });

    /// <summary>
    /// Reads the numbers of an option, with a decimal point and without separators of thousands, in every language.
    /// The library would read 0,7 as 7 in some languages.
    /// </summary>
    public static double[] Numbers(ArgumentResult result)
    {
        var values = new List<double>();
        foreach (string text in result.Tokens.Select(static token => token.Value))
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
                result.AddError($"{(result.Parent as OptionResult)?.Option.Name}: {Printable.Quote(text)} is not a number; numbers have a decimal point and no comma");
            else if (!double.IsFinite(value))
                result.AddError($"{(result.Parent as OptionResult)?.Option.Name}: {Printable.OneLine(text)} is not a number that fits");
            else
                values.Add(value);
        }
        return [.. values];
    }

    /// <summary>
    /// Turns an error of a check of an option's value into an error of usage, before any work begins.
    /// </summary>
    public static Option<T> Checked<T>(Option<T> option, Action<T, OptionResult> check)
    {
        option.Validators.Add(result =>
        {
            try
            {
                check(result.GetValueOrDefault<T>(), result);
            }
            catch (DataException e)
            {
                result.AddError(e.Message);
            }
            catch (InvalidOperationException)
            {
                // The text is not a value of this type; the parser reports it after this.
            }
        });
        return option;
    }

    /// <summary>The same for an argument; it is not checked if it is left out.</summary>
    public static Argument<T> CheckedArgument<T>(Argument<T> argument, Action<string> check)
    {
        argument.Validators.Add(result =>
        {
            try
            {
                foreach (var token in result.Tokens)
                    check(token.Value);
            }
            catch (DataException e)
            {
                result.AddError(e.Message);
            }
        });
        return argument;
    }

    /// <summary>Adds a check of options that belong together. It does not run after another error.</summary>
    public static void Checks(this Command command, Action<CommandResult> check) => command.Validators.Add(result =>
    {
        if (result.Errors.Any())
            return;
        try
        {
            check(result);
        }
        catch (DataException e)
        {
            result.AddError(e.Message);
        }
        catch (InvalidOperationException)
        {
            // An option is given twice, or its text is not a value of its type; the parser reports it after this.
        }
    });

    /// <summary>
    /// Opens the device that the options name; see <see cref="DeviceNames.Open"/>. If the cache of compiled kernels is
    /// not used, a note gives the reason.
    /// </summary>
    public static Device Open(string name, int threads, CommandConsole console, bool products = true, TuningTable? tuning = null)
    {
        var device = DeviceNames.Open(name, threads, products, tuning);
        _opened = device as CudaDevice;
        if (_opened?.Images is InstalledKernels { CacheProblem: { } problem })
            NoteCache(problem, console);
        return device;
    }

    /// <summary>Whether a device is the emulator. If it is, a note tells that its times mean nothing.</summary>
    public static bool NoteEmulator(Device device, CommandConsole console)
    {
        bool isEmulated = device is CudaDevice && CudaEmulator.IsInPlace;
        if (isEmulated)
            console.Progress.Note("this device is the emulator: its times do not apply to a GPU");
        return isEmulated;
    }

    /// <summary>Tells why the cache of compiled kernels is not used.</summary>
    public static void NoteCache(string problem, CommandConsole console) => console.Progress.Note($"{problem}; until then every run compiles its kernels again");

    /// <summary>Whether the GPU that this process opened last has work that may never end.</summary>
    public static bool IsDeviceStuck => _opened is { IsStuck: true };

    /// <summary>The file of an option, as a list of at most one file.</summary>
    public static IEnumerable<InputFile> InputsOf(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { } path ? [new InputFile(option.Name, path)] : [];

    // The keys of a preset are the same for all models.
    private static void LoadPreset(string preset, Override[] overrides) => Preset.Load(preset, ModelZoo.Names[0], overrides);
}

/// <summary>The options of a training command, and their values.</summary>
internal sealed class RunOptionSet
{
    private readonly string _stage;
    private readonly RecipeOptions _recipe;
    private readonly Option<string> _device = CommonOptions.DeviceName(), _model = CommonOptions.Model(), _data = CommonOptions.Data(), _output = CommonOptions.OutputDirectory();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<ElementType?> _precision = CommonOptions.Precision();
    private readonly Option<string?> _tuning = CommonOptions.Tuning();
    private readonly DictionaryOption _dictionary = new();
    private readonly Option<bool> _skip = CommonOptions.SkipBadRecords(), _eager = CommonOptions.Eager(), _overwrite = CommonOptions.Overwrite();
    private readonly ReportOption _report = new();

    /// <summary>Makes the options.</summary>
    /// <param name="stage">pretrain or finetune.</param>
    public RunOptionSet(string stage) => (_stage, _recipe) = (stage, new RecipeOptions(stage));

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _model, _data, _output })
            command.Add(option);
        _recipe.AddTo(command, ModelsOf);
        foreach (var option in new Option[] { _dictionary.Option, _device, _precision, _tuning, _threads, _report.Option, _skip, _eager, _overwrite })
            command.Add(option);
        command.RequireCudaFor(_tuning, _device);
    }

    /// <summary>Opens the device, with the tuning table of the file or of a run that continues.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="folders">The folders of the command's runs.</param>
    /// <param name="console">Receives notes.</param>
    public Device OpenDevice(ParseResult parsed, IReadOnlyList<string> folders, CommandConsole console) => CommonOptions.Open(parsed.GetValue(_device)!, parsed.GetValue(_threads), console,
        tuning: RunTuning.Find(parsed.GetValue(_tuning), parsed.GetValue(_overwrite) ? [] : folders, console.Progress));

    public IEnumerable<string> ModelsOf(SymbolResult result) => result.GetValue(_model) is { } name ? [ModelZoo.Canonical(name)] : [];

    public DataFolder Data(ParseResult parsed) => CommonOptions.OpenData(parsed.GetValue(_data)!);

    public RunOptions Read(ParseResult parsed, IProgressSink progress)
    {
        var recipe = _recipe.Read(parsed, ModelsOf(parsed.CommandResult), progress);
        return new RunOptions
        {
            OutputDirectory = parsed.GetValue(_output)!,
            Preset = recipe.Preset,
            Model = ModelZoo.Canonical(parsed.GetValue(_model)!),
            Overrides = parsed.GetValue(_precision) is { } precision ? [.. recipe.Overrides, Override.OfOption(_precision.Name, $"{_stage}.precision", PrecisionName.Of(precision))] : recipe.Overrides,
            Epochs = recipe.Epochs,
            WarmupRatio = recipe.WarmupRatio,
            Seed = recipe.Seed,
            Dictionary = _dictionary.Read(parsed),
            Files = [.. _recipe.Files(parsed), .. _dictionary.Inputs(parsed), .. CommonOptions.InputsOf(parsed, _tuning)],
            SkipBadRecords = parsed.GetValue(_skip),
            Eager = parsed.GetValue(_eager),
            Overwrite = parsed.GetValue(_overwrite),
            Reporters = _report.Read(parsed),
        };
    }
}
