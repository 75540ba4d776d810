using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Models.Batches;
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
            CommonOptions.RequireFolder(pretrained.Name, parsed.GetValue(pretrained)!, CommonOptions.FolderOfModel);
            var run = options.Read(parsed, console.Progress) with { VideoDisjoint = parsed.GetValue(disjoint) };
            using var device = options.OpenDevice(parsed);
            int[] numbers = Numbers(parsed.GetValue(fold)!);
            var results = new List<TrainingResult>();
            foreach (int number in numbers)
            {
                var one = numbers.Length > 1 ? run with { OutputDirectory = Path.Combine(run.OutputDirectory, $"fold-{number}") } : run;
                double spearman = Finetuning.Run(device, one, options.Data(parsed), parsed.GetValue(pretrained)!, number, console.Progress, cancellation);
                results.Add(TrainingResult.Of(one, "finetune", number, spearman));
            }
            if (results is [var single])
                console.WriteMade(single, CliJson.Default.TrainingResult);
            else
                console.WriteMade(results, CliJson.Default.IReadOnlyListTrainingResult);
            return CommandLine.Done;
        }, json, resumes: true);
    }

    private static int[] Numbers(string text) => text == "all" ? [.. Enumerable.Range(1, Folds.Count)]
        : [Folds.Parse(text)];
}
