using System.CommandLine;
using VideoSim.Models.Submissions;

namespace VideoSim.Cli.Commands;

/// <summary><c>ensemble</c>: the mean embedding over the folds of one model (specification 7.2).</summary>
internal static class EnsembleCommand
{
    public static Command Create()
    {
        var inputs = new Option<string[]>("--inputs") { Description = "zip, json or npy files, one a fold", Required = true, AllowMultipleArgumentsPerToken = true };
        var output = new Option<string>("--output") { Description = "zip, json or npy file", Required = true };
        return new Command("ensemble", "Average the embeddings of a model's folds.") { inputs, output }.Does((parsed, _, _) =>
        {
            var mean = Ensemble.Mean(parsed.GetValue(inputs)!.Select(SubmissionFile.Read));
            SubmissionFile.Write(parsed.GetValue(output)!, mean, EmbeddingPrecision.Double);
            return CommandLine.Done;
        });
    }
}
