using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary>
/// <c>ensemble</c>: the mean over the folds of one model, or the weighted sum over models (docs/reference-system.md,
/// sections 7.2 and 7.3).
/// </summary>
internal static class EnsembleCommand
{
    public static Command Create()
    {
        var inputs = CommonOptions.Checked(
            new Option<string[]>("--inputs")
            {
                HelpName = $"[MODEL=]{ValueName.File}",
                Description = $"{EmbeddingsOptions.Kinds} files: the folds of one model, or MODEL=FILE for each of several models, with their published weights",
                Required = true,
                AllowMultipleArgumentsPerToken = true,
            },
            (files, _) =>
            {
                if (files.Select(Split).Where(static input => input.Model is not null).GroupBy(static input => input.Model).FirstOrDefault(static models => models.Count() > 1) is { } twice)
                    throw new DataException($"--inputs: {twice.Key} is given twice; average the folds of a model first");
            });
        var weights = CommonOptions.Checked(
            new Option<double[]>("--weights")
            {
                Description = "weights of the inputs, in the same order, instead of the published ones",
                CustomParser = CommonOptions.Numbers,
                DefaultValueFactory = _ => [],
                AllowMultipleArgumentsPerToken = true,
            },
            (values, result) => Weights(result.GetValue(inputs) ?? [], values));
        var normalize = new Option<bool>("--normalize") { Description = "scale every embedding to length 1 before it is weighted" };
        var output = new Option<string>("--output") { HelpName = ValueName.File, Description = "zip, json or npy file", Required = true };
        var json = CommonOptions.Json();
        return new Command("ensemble", "Average the embeddings of a model's folds, or compute the weighted sum over several models.")
        {
            inputs, weights, normalize, output, json,
        }.Does((parsed, console, _) =>
        {
            string file = parsed.GetValue(output)!;
            SubmissionFile.RequireWritable(file);
            string[] given = parsed.GetValue(inputs)!, files = Array.ConvertAll(given, static input => Split(input).File);
            SubmissionFile.RequireWritable(file, [.. files.SelectMany(SubmissionFile.FilesOf)]);
            bool normalized = parsed.GetValue(normalize);
            double[]? factors = Weights(given, parsed.GetValue(weights)!);
            string? model = RequireModels(given, areFolds: factors is null, console.Progress);
            var tables = SubmissionFile.ReadEach(files, ParquetSupport.Embeddings);
            var sum = factors is not null
                ? Ensemble.WeightedSum(tables.Zip(factors), normalized)
                : Ensemble.Mean(tables, normalized);
            SubmissionFile.Write(file, sum, EmbeddingRounding.Double);
            console.Progress.Note($"{file}: {sum.Ids.Count} {(sum.Ids.Count == 1 ? "embedding" : "embeddings")}, the {(factors is null ? "mean" : "weighted sum")} of {files.Length} {(files.Length == 1 ? "file" : "files")}{(factors is null ? $", as folds of {model ?? "one model"}" : "")}");
            console.WriteMade(new EnsembleResult(SubmissionFile.TargetsOf(file), sum.Ids.Count, sum.Width, files.Length, factors, normalized), CliJson.Default.EnsembleResult);
            return CommandLine.Done;
        }, json);
    }

    // One weight for each input; null for files without a model, which are folds.
    private static double[]? Weights(string[] inputs, double[] given)
    {
        foreach (double weight in given)
        {
            if (!(weight > 0 && double.IsFinite(weight)))
                throw new DataException(string.Create(CultureInfo.InvariantCulture, $"--weights: {weight} is not a positive number"));
        }
        if (given.Length > 0)
            return given.Length == inputs.Length ? given : throw new DataException($"--weights: {given.Length} weights for {inputs.Length} inputs");
        var named = Array.ConvertAll(inputs, Split);
        if (named.All(input => input.Model is null))
            return null;
        return Array.ConvertAll(named, input => input.Model is null
            ? throw new DataException($"--inputs: {input.File} has no model name before it, but other files have one") : ModelZoo.Find(input.Model).EnsembleWeight);
    }

    // Embeddings of several models have no common mean. Returns the model of the folds; null if no file names it.
    private static string? RequireModels(string[] inputs, bool areFolds, IProgressSink progress)
    {
        var all = inputs.Select(Split).Select(static input => (Given: input.Model, input.File, Own: SubmissionFile.OriginOf(input.File, ParquetSupport.Embeddings)?.Model)).ToList();
        var found = all.Where(static input => input.Own is not null).ToList();
        if (all.Count > 1 && all.FirstOrDefault(static input => input.Own is null).File is { } unknown)
            progress.Warn($"warning: {unknown} {(all.Count - found.Count == 1 ? "does not say which model computed it" : $"and {all.Count - found.Count - 1} more do not say which model computed them")}");
        foreach (var (name, file, own) in found)
        {
            if (name is not null && name != own)
                throw new DataException($"--inputs {name}={file}: has embeddings of {own}");
        }
        return !areFolds ? null : found.DistinctBy(static input => input.Own).ToList() switch
        {
            [] => null,
            [var one] => one.Own,
            [var first, var second, ..] => throw new DataException(
                $"--inputs: {first.File} has embeddings of {first.Own} and {second.File} of {second.Own}; files without a name are the folds of one model, so name the models: {first.Own}={first.File} {second.Own}={second.File}"),
        };
    }

    private static (string? Model, string File) Split(string input)
    {
        int equals = input.IndexOf('=', StringComparison.Ordinal);
        return equals <= 0 || input[..equals].Contains(Path.DirectorySeparatorChar) ? (null, input) : (ModelZoo.Canonical(input[..equals]), input[(equals + 1)..]);
    }
}
