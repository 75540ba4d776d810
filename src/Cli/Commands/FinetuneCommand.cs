using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary><c>finetune</c>: training on labelled pairs, one fold or all.</summary>
internal static class FinetuneCommand
{
    public static Command Create()
    {
        var options = new RunOptionSet("finetune");
        var pretrained = new Option<string>("--pretrained") { HelpName = ValueName.Folder, Description = "a model folder; a run's folder stands for its last model", Required = true };
        var fold = CommonOptions.Checked(
            new Option<string>("--fold") { HelpName = "N|all", CompletionSources = { Enumerable.Range(1, Folds.Count).Select(static fold => $"{fold}").Append("all").ToArray() }, Description = $"1 to {Folds.Count}, or all; with all, each fold gets a folder fold-<k>", Required = true },
            (text, _) => Numbers(text));
        var disjoint = CommonOptions.VideoDisjoint();
        var json = CommonOptions.Json();
        var command = new Command("finetune", "Train a pretrained model on labelled pairs.") { pretrained, fold, disjoint, json };
        options.AddTo(command);
        return command.Does((parsed, console, cancellation) =>
        {
            string source = parsed.GetValue(pretrained)!;
            CommonOptions.RequireFolder(pretrained.Name, source, CommonOptions.FolderOfModel, HubName.Advice(source));
            var run = options.Read(parsed, console.Progress) with { VideoDisjoint = parsed.GetValue(disjoint) };
            int[] numbers = Numbers(parsed.GetValue(fold)!);
            string[] folders = numbers.Length == 1 ? [run.OutputDirectory] : FoldersIn(run.OutputDirectory, numbers);
            using var device = options.OpenDevice(parsed, folders, console);
            var progress = new DistinctNotes(console.Progress);
            var results = new List<TrainingResult>();
            for (int i = 0; i < numbers.Length; i++)
            {
                var one = run with { OutputDirectory = folders[i], Later = i == 0 ? folders[1..] : [] };
                double? spearman = Finetuning.Run(device, one, options.Data(parsed), source, numbers[i], progress, cancellation);
                results.Add(TrainingResult.Of(one, "finetune", numbers[i], spearman));
            }
            if (results is [var single])
                console.WriteMade(single, CliJson.Default.TrainingResult);
            else
                console.WriteMade(results, CliJson.Default.IReadOnlyListTrainingResult);
            return CommandLine.Done;
        }, json, resumes: static _ => true);
    }

    private static string[] FoldersIn(string output, int[] numbers) =>
        File.Exists(Path.Combine(output, RunFolder.Arguments)) ? throw new DataException($"{output} has a run itself, and --fold all needs a folder for the runs of the folds; choose another --output-dir")
        : [.. numbers.Select(number => Path.Combine(output, $"fold-{number}"))];

    private static int[] Numbers(string text) => text == "all" ? [.. Enumerable.Range(1, Folds.Count)]
        : [Folds.Parse(text)];
}
