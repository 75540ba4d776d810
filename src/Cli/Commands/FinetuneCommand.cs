using System.CommandLine;
using VideoSim.Models.Batches;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary><c>finetune</c>: training on labelled pairs, one fold or all.</summary>
internal static class FinetuneCommand
{
    public static Command Create()
    {
        var options = new RunOptionSet("finetune");
        var pretrained = new Option<string>("--pretrained") { Description = "a model folder; a run's folder stands for its last model", Required = true };
        var fold = CommonOptions.Checked(
            new Option<string>("--fold") { Description = $"1 to {Folds.Count}, or all; with all, each fold gets a folder fold-<k>", Required = true },
            (text, _) => Numbers(text));
        var disjoint = CommonOptions.VideoDisjoint();
        var command = new Command("finetune", "Train a pretrained model on labelled pairs.") { pretrained, fold, disjoint };
        options.AddTo(command);
        return command.Does((parsed, console, cancellation) =>
        {
            CommonOptions.RequireFolder(pretrained.Name, parsed.GetValue(pretrained)!, CommonOptions.FolderOfModel);
            var run = options.Read(parsed, console.Progress) with { VideoDisjoint = parsed.GetValue(disjoint) };
            using var device = options.OpenDevice(parsed);
            int[] numbers = Numbers(parsed.GetValue(fold)!);
            foreach (int number in numbers)
            {
                var one = numbers.Length > 1 ? run with { OutputDirectory = Path.Combine(run.OutputDirectory, $"fold-{number}") } : run;
                Finetuning.Run(device, one, options.Data(parsed), parsed.GetValue(pretrained)!, number, console.Progress, cancellation);
            }
            return CommandLine.Done;
        }, resumes: true);
    }

    private static int[] Numbers(string text) => text == "all" ? [.. Enumerable.Range(1, Folds.Count)]
        : [Folds.Parse(text)];
}
