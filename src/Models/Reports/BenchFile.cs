using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Reports;

/// <summary>Reads the result of <c>videosim bench --json</c>.</summary>
internal static class BenchFile
{
    private const int PartsShown = 8;

    /// <summary>The parts of the step.</summary>
    /// <exception cref="DataException">The file cannot be read or is no such result.</exception>
    public static BenchParts Read(string file)
    {
        var all = JsonFile.ReadObject(file);
        if (all.Text("model") is not { } model || all.Text("stage") is not { } stage || all["kernels"] is not JsonArray kernels)
            throw new DataException($"{file}: is not a result of 'bench --json': it has no model, stage and kernels");
        // The parts of a step are its kernels, unless the file has the time of each phase.
        var parts = Phases(all);
        if (parts.Count == 0)
        {
            parts = [.. kernels.OfType<JsonObject>().Select(static kernel => (Name: kernel.Text("entry") ?? "", Milliseconds: kernel.Number("microseconds") / 1e3 ?? 0))
                .Where(static part => part.Milliseconds > 0).OrderByDescending(static part => part.Milliseconds).ThenBy(static part => part.Name, StringComparer.Ordinal)];
        }
        double sum = parts.Sum(static part => part.Milliseconds);
        return new BenchParts(Printable.OneLine($"{model} {stage}, preset {all.Text("preset")}, {all.Text("device")}"), all.Number("median_milliseconds"),
            [.. parts.Take(PartsShown).Select(part => new BenchPart(part.Name, part.Milliseconds, part.Milliseconds / sum))], parts.Skip(PartsShown).Sum(static part => part.Milliseconds));
    }

    private static List<(string Name, double Milliseconds)> Phases(JsonObject all) =>
        [.. new[] { "forward", "backward", "optimizer" }.Select(name => (name, all.Number($"{name}_milliseconds") ?? 0)).Where(static part => part.Item2 > 0)];
}
