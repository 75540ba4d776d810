using System.CommandLine;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Configuration;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli;

/// <summary>Options that several commands share, each defined once.</summary>
internal static class CommonOptions
{
    public static readonly Option<bool> Verbose = new("--verbose") { Description = "show where an error comes from", Recursive = true };

    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "no progress on stderr", Recursive = true };

    public static Option<bool> Json() => new("--json") { Description = "results as JSON on stdout" };

    public static Option<string> DeviceName() => new("--device")
    {
        Description = "cpu, cuda or cuda:N",
        DefaultValueFactory = _ => "cpu",
    };

    public static Option<int> Threads() => Positive("--threads", "threads of the cpu device; any number gives the same bits", Environment.ProcessorCount);

    public static Option<ulong> Seed() => new("--seed") { Description = "key of all random numbers", DefaultValueFactory = _ => 42 };

    public static Option<string> OutputDirectory() => new("--output-dir") { Description = "folder of the run; the same command again goes on in it", Required = true };

    public static Option<string> PresetName() => new("--preset")
    {
        Description = string.Join(", ", Preset.Names),
        DefaultValueFactory = _ => "tiny",
    };

    public static Option<string[]> Set() => new("--set")
    {
        Description = "override a key of the preset, such as pretrain.steps=100; may be repeated",
        DefaultValueFactory = _ => [],
    };

    public static Option<string> Model() => new("--model") { Description = string.Join(", ", ModelZoo.Names), Required = true };

    public static Option<string> Data() => new("--data") { Description = "folder with the challenge's files", Required = true };

    public static Option<bool> SkipBadRecords() => new("--skip-bad-records") { Description = "leave damaged records out instead of stopping" };

    public static Option<bool> Eager() => new("--eager") { Description = "rebuild every step instead of replaying it; slower, the same bits" };

    public static Option<int> Positive(string name, string description, int value)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() <= 0)
                result.AddError($"{name} must be positive");
        });
        return option;
    }

    /// <summary>Where the command's results and progress go.</summary>
    public static CommandConsole Console(ParseResult parsed, Option<bool>? json = null) =>
        CommandConsole.OfThisProcess(json is not null && parsed.GetValue(json), parsed.GetValue(Quiet));

    /// <summary>Opens the device that the options ask for.</summary>
    /// <exception cref="DataException">There is no such device.</exception>
    public static Device Open(string name, int threads)
    {
        if (name == "cpu")
            return new CpuDevice(threads);
        if (name == "cuda" || name.StartsWith("cuda:", StringComparison.Ordinal))
            throw new DataException("--device cuda: training needs matrix products, which the CUDA device does not have yet; use --device cpu");
        throw new DataException($"--device {name}: devices are cpu, cuda and cuda:N");
    }
}

/// <summary>The options of a training command and what they say.</summary>
internal sealed class RunOptionSet
{
    private readonly Option<string> _device = CommonOptions.DeviceName(), _preset = CommonOptions.PresetName(),
        _model = CommonOptions.Model(), _data = CommonOptions.Data(), _output = CommonOptions.OutputDirectory();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<ulong> _seed = CommonOptions.Seed();
    private readonly Option<string[]> _set = CommonOptions.Set();
    private readonly Option<bool> _skip = CommonOptions.SkipBadRecords(), _eager = CommonOptions.Eager();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _model, _data, _output, _preset, _set, _seed, _device, _threads, _skip, _eager })
            command.Add(option);
    }

    public Device OpenDevice(ParseResult parsed) => CommonOptions.Open(parsed.GetValue(_device)!, parsed.GetValue(_threads));

    public DataFolder Data(ParseResult parsed) => new(parsed.GetValue(_data)!);

    public RunOptions Read(ParseResult parsed) => new()
    {
        OutputDirectory = parsed.GetValue(_output)!,
        Preset = parsed.GetValue(_preset)!,
        Model = ModelZoo.Canonical(parsed.GetValue(_model)!),
        Overrides = parsed.GetValue(_set)!,
        Seed = parsed.GetValue(_seed),
        SkipBadRecords = parsed.GetValue(_skip),
        Eager = parsed.GetValue(_eager),
    };
}
