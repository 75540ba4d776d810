using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Reproduction;

/// <summary>One training of a reproduction, with its embeddings.</summary>
/// <param name="Index">Number of the part, from 1.</param>
/// <param name="Model">Canonical name of the model.</param>
/// <param name="Fold">The fold; null for the pretraining.</param>
/// <param name="Needs">Indices of the parts that must be done before.</param>
public sealed record ReproductionPart(int Index, string Model, int? Fold, IReadOnlyList<int> Needs)
{
    /// <summary>Name of the run and of its embeddings.</summary>
    public string Run => Fold is { } fold ? ReproductionLayout.Fold(fold) : ReproductionLayout.Pretrained;

    /// <summary>Name of the part, such as mix/fold-3.</summary>
    public string Name => $"{Model}/{Run}";

    /// <summary>The same as the beginning of a file's name.</summary>
    public string FileName => $"{Model}.{Run}";

    /// <summary>
    /// The parts of a reproduction, in the order in which one process does them: the pretrainings of all models, then
    /// the folds, model by model.
    /// </summary>
    public static IReadOnlyList<ReproductionPart> AllOf(ReproductionOptions options)
    {
        var parts = options.Models.Select(static (model, i) => new ReproductionPart(i + 1, model, null, [])).ToList();
        foreach (var pretraining in parts.ToArray())
        {
            int folds = options.FoldsOf(pretraining.Model);
            for (int fold = 1; fold <= folds; fold++)
                parts.Add(new ReproductionPart(parts.Count + 1, pretraining.Model, fold, [pretraining.Index]));
        }
        return parts;
    }

    /// <summary>The part with an index or a name.</summary>
    /// <exception cref="DataException">There is no such part.</exception>
    public static ReproductionPart Find(IReadOnlyList<ReproductionPart> parts, string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            return index >= 1 && index <= parts.Count ? parts[index - 1] : throw new DataException($"--part {text}: the parts are 1 to {parts.Count}");
        return parts.FirstOrDefault(part => part.Name == text)
            ?? throw new DataException($"--part {Printable.OneLine(text)}: there is no such part; the parts are 1 to {parts.Count}, or their names in --plan{Suggestion.Text(text, parts.Select(static part => part.Name))}");
    }

    /// <summary>Parts as text: neighbours as a range of indices and names.</summary>
    public static string List(IReadOnlyList<ReproductionPart> parts)
    {
        var ranges = new List<(ReproductionPart First, ReproductionPart Last)>();
        foreach (var part in parts)
        {
            if (ranges is [.., var range] && range.Last.Index + 1 == part.Index)
                ranges[^1] = (range.First, part);
            else
                ranges.Add((part, part));
        }
        return string.Join(", ", ranges.Select(static range => range.First == range.Last ? $"{range.First.Index} ({range.First.Name})"
            : $"{range.First.Index} to {range.Last.Index} ({range.First.Name} to {range.Last.Name})"));
    }
}
