using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary>
/// <c>evaluate</c>: Spearman of embeddings against labelled pairs (docs/reference-system.md, section 7.4).
/// </summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var embeddings = new Option<string>("--embeddings") { HelpName = ValueName.File, Description = $"{EmbeddingsOptions.Kinds} file of embeddings", Required = true };
        var labels = new Option<string>("--labels") { HelpName = ValueName.File, Description = "label.tsv: id, id, similarity", Required = true };
        var json = CommonOptions.Json();
        return new Command("evaluate", "Compute the Spearman correlation of embeddings with labelled pairs.") { embeddings, labels, json }.Does((parsed, console, _) =>
        {
            string file = parsed.GetValue(labels)!;
            var (spearman, undefined) = Scoring.Score(SubmissionFile.Read(parsed.GetValue(embeddings)!, ParquetSupport.Embeddings), file);
            if (undefined is not null)
                console.Progress.Note($"{file}: the correlation is undefined, because {undefined}");
            var table = new ResultTable().NumberColumn("spearman").Row(spearman?.ToString("F4", CultureInfo.InvariantCulture) ?? "undefined");
            console.WriteResult(table, new Score(spearman, undefined), CliJson.Default.Score);
            return CommandLine.Done;
        }, json);
    }
}

/// <summary>A score as <c>evaluate --json</c> shows it.</summary>
/// <param name="Spearman">The correlation; null if it is undefined.</param>
/// <param name="Undefined">Why it is undefined; null if it is not.</param>
internal sealed record Score(double? Spearman, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Undefined);
