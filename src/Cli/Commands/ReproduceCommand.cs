using System.CommandLine;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>reproduce</c>: the whole procedure, from data to a scored submission.</summary>
internal static class ReproduceCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--output-dir") { Description = "where everything goes", DefaultValueFactory = _ => "reproduction" };
        var data = new Option<string?>("--data") { Description = "folder with the challenge's files; without it synthetic data is made" };
        var folds = new Option<int?>("--folds") { Description = $"folds to train, 1 to {Folds.Count}; the preset says how many otherwise" };
        var models = new Option<string[]>("--models")
        {
            Description = string.Join(", ", ModelZoo.Names),
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. ModelZoo.Names],
        };
        Option<string> preset = CommonOptions.PresetName(), deviceName = CommonOptions.DeviceName();
        var set = CommonOptions.Set();
        var seed = CommonOptions.Seed();
        var threads = CommonOptions.Threads();
        Option<bool> skip = CommonOptions.SkipBadRecords(), eager = CommonOptions.Eager(), json = CommonOptions.Json();
        var command = new Command("reproduce", "Make data, pretrain, finetune, embed, average and score; the same command again goes on where it was.")
        {
            output, preset, data, folds, seed, models, set, deviceName, threads, skip, eager, json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            int? count = parsed.GetValue(folds);
            if (count is < 1 or > Folds.Count)
                throw new DataException($"--folds {count}: there are {Folds.Count} folds");
            using var device = CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads));
            var summary = Reproduction.Run(device, new ReproductionOptions
            {
                OutputDirectory = parsed.GetValue(output)!,
                Preset = parsed.GetValue(preset)!,
                Data = parsed.GetValue(data),
                Folds = count,
                Models = [.. parsed.GetValue(models)!.Select(ModelZoo.Canonical).Distinct()],
                Overrides = parsed.GetValue(set)!,
                Seed = parsed.GetValue(seed),
                SkipBadRecords = parsed.GetValue(skip),
                Eager = parsed.GetValue(eager),
            }, Terminal.Progress(parsed), TimeProvider.System, cancellation);
            if (parsed.GetValue(json))
                Terminal.WriteJson(summary, ReproductionJson.Default.ReproductionSummary);
            else
                ReproductionTable.Write(summary);
            return CommandLine.Done;
        }, CancellationToken.None));
        return command;
    }
}
