using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// Checks the files that a reproduction reads when it continues. Damage in them is found before the first stage runs,
/// not when the stage that reads them begins.
/// </summary>
internal static class EarlierFiles
{
    /// <summary>Checks the runs and the embeddings of the models. None of them need exist.</summary>
    /// <param name="output">Folder of the reproduction.</param>
    /// <param name="models">Names of the models.</param>
    /// <param name="foldsOf">Number of folds of a model.</param>
    /// <exception cref="DataException">A file is damaged; the message names it.</exception>
    public static void Require(string output, IEnumerable<string> models, Func<string, int> foldsOf)
    {
        foreach (string model in models)
        {
            string root = Path.Combine(output, model);
            string[] folds = [.. Enumerable.Range(1, foldsOf(model)).Select(ReproductionLayout.Fold)];
            RequireEmbeddings(EmbeddingFile(root, ReproductionLayout.Random));
            bool isStartOfFolds = folds.Any(fold => !Directory.Exists(Path.Combine(root, fold, ModelFolder.LastOfRun)));
            RequireRun(root, ReproductionLayout.Pretrained, isStartOfFolds);
            foreach (string fold in folds)
                RequireRun(root, fold, needsModel: false);
        }
    }

    /// <summary>Checks a run and its embeddings.</summary>
    /// <param name="root">The folder with both.</param>
    /// <param name="name">Name of the run.</param>
    /// <param name="needsModel">Whether its model is read even if its embeddings exist.</param>
    /// <exception cref="DataException">A file is damaged; the message names it.</exception>
    public static void RequireRun(string root, string name, bool needsModel)
    {
        string file = EmbeddingFile(root, name);
        RunFolder.Check(Path.Combine(root, name), needsModel || !File.Exists(file));
        RequireEmbeddings(file);
    }

    /// <summary>Path of the embeddings of a run, or of those with random weights.</summary>
    public static string EmbeddingFile(string root, string name) => Path.Combine(root, ReproductionLayout.Embeddings, $"{name}.zip");

    /// <summary>The score of the noise-free similarities in truth.json; null if there is no such file.</summary>
    /// <exception cref="DataException">The file is damaged; the message names file and key.</exception>
    public static double? BestPossible(DataFolder data)
    {
        const string set = "test_b", key = "best_possible_spearman";
        const double rounding = 1e-9;
        if (!File.Exists(data.Truth))
            return null;
        return JsonFile.ReadObject(data.Truth)[set] is JsonObject test && test[key] is JsonValue value && value.TryGetValue(out double score) && Math.Abs(score) <= 1 + rounding
            ? score : throw new DataException($"{data.Truth}: {set}.{key} is not a score from -1 to 1");
    }

    private static void RequireEmbeddings(string file)
    {
        if (!File.Exists(file))
            return;
        try
        {
            SubmissionFile.Read(file);
        }
        catch (DataException e)
        {
            throw new DataException($"{e.Message}; delete {file}, and the same command makes it again", e);
        }
    }
}
