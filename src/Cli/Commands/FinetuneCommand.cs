using System.CommandLine;
using System.Globalization;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary><c>finetune</c>: training on labelled pairs, one fold or all.</summary>
internal static class FinetuneCommand
{
    public static Command Create()
    {
        var options = new RunOptionSet();
        var pretrained = new Option<string>("--pretrained") { Description = "folder of a pretraining run, or of a model", Required = true };
        var fold = new Option<string>("--fold") { Description = $"1 to {Folds.Count}, or all; all makes a folder fold-<k> for each", Required = true };
        var command = new Command("finetune", "Train a pretrained model on labelled pairs.") { pretrained, fold };
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            using var device = options.OpenDevice(parsed);
            var run = options.Read(parsed);
            string which = parsed.GetValue(fold)!;
            bool all = which == "all";
            foreach (int number in all ? Enumerable.Range(1, Folds.Count) : [Number(which)])
            {
                var one = all ? run with { OutputDirectory = Path.Combine(run.OutputDirectory, $"fold-{number}") } : run;
                Finetuning.Run(device, one, options.Data(parsed), parsed.GetValue(pretrained)!, number, CommonOptions.Console(parsed).Progress, cancellation);
            }
            return CommandLine.Done;
        }, CancellationToken.None));
        return command;
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= Folds.Count
            ? number : throw new DataException($"--fold {text}: folds are 1 to {Folds.Count}, or all");
}
