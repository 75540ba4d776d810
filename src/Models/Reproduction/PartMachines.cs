using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The kinds of machines that have trained the parts of a reproduction, as environment.json of each run tells.
/// </summary>
internal static class PartMachines
{
    /// <summary>
    /// The part that another one continues, with its last kind of machine: the same part if it has begun, otherwise
    /// the pretraining of a fold. Null if there is none, or if the kind is not known.
    /// </summary>
    public static (string Part, string Kind)? Before(ReproductionContext context, ReproductionPart part)
    {
        foreach (string run in new[] { part.Run, ReproductionLayout.Pretrained })
        {
            if (Kinds(context, part.Model, run) is [.., var last])
                return ($"{part.Model}/{run}", last);
        }
        return null;
    }

    /// <summary>
    /// The parts that were trained on another kind of machine than what they continue, with the kinds.
    /// </summary>
    public static IEnumerable<string> Mixed(ReproductionContext context, IEnumerable<ReproductionPart> parts)
    {
        foreach (var part in parts)
        {
            string[] before = part.Fold is null ? [] : [.. Kinds(context, part.Model, ReproductionLayout.Pretrained).TakeLast(1)];
            string[] kinds = [.. before, .. Kinds(context, part.Model, part.Run)];
            if (kinds.Distinct().Count() > 1)
                yield return $"{part.Name} on {kinds[^1]} after {kinds.Last(kind => kind != kinds[^1])}";
        }
    }

    private static string[] Kinds(ReproductionContext context, string model, string run) =>
        [.. RunSessions.Of(Path.Combine(context.FolderOf(model), run)).Select(static session => session.Kind).OfType<string>()];
}
