using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The kinds of machines that have made the parts of a reproduction, as environment.json of each run and the records
/// of the parts tell.
/// </summary>
internal static class PartMachines
{
    /// <summary>
    /// What differs between a process and those that have trained a part before, and the last one that has trained the
    /// pretraining of a fold.
    /// </summary>
    public static IReadOnlyList<string> Changes(ReproductionContext context, ReproductionPart part, MadeBy now)
    {
        var before = part.Fold is null ? [] : Sessions(context, part.Model, ReproductionLayout.Pretrained).TakeLast(1);
        return MadeBy.Changes([.. before, .. Sessions(context, part.Model, part.Run), now]);
    }

    /// <summary>What differs inside of the parts, and between the parts and the process that collects them.</summary>
    public static IReadOnlyList<string> Mixed(ReproductionContext context, IReadOnlyList<(ReproductionPart Part, PartRecord Record)> parts)
    {
        var collector = MadeBy.This(context.Device);
        // Only the baselines, which need labels, are computed on its device.
        if (!context.Options.HasLabels)
            collector = collector with { Device = null, Libraries = null };
        return
        [
            .. parts.SelectMany(done => Changes(context, done.Part, done.Record.MadeBy).Select(change => $"{done.Part.Name} on {change}")),
            .. MadeBy.Changes([.. parts.Select(static done => done.Record.MadeBy), collector]).Select(static change => $"the results on {change}"),
        ];
    }

    private static IEnumerable<MadeBy> Sessions(ReproductionContext context, string model, string run) =>
        RunSessions.Of(Path.Combine(context.FolderOf(model), run)).Select(static session => session.MadeBy);
}
