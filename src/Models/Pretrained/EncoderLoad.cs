using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>What became of a tensor when a published encoder was put into a model.</summary>
public enum EncoderUse
{
    /// <summary>The model has it from the file.</summary>
    Used,

    /// <summary>The model computes it, whatever the file has.</summary>
    Computed,

    /// <summary>The model has it, the file does not: it keeps its first random values.</summary>
    New,

    /// <summary>The file has it, the model does not.</summary>
    Ignored,
}

/// <summary>A row of the table that says where a model's weights come from: the tensors of one name in all layers.</summary>
/// <param name="Use">What became of them.</param>
/// <param name="Name">Their name, with <c>*</c> for the number of the layer; for what lies beside the encoder in the model, its first part.</param>
/// <param name="Tensors">How many they are.</param>
/// <param name="Bytes">Bytes in the model (float32), or in the file for what is ignored.</param>
/// <param name="Remark">Why, where the use does not say it.</param>
public sealed record EncoderLoadRow(EncoderUse Use, string Name, int Tensors, long Bytes, string Remark);

/// <summary>Collects the rows of that table.</summary>
internal sealed partial class EncoderLoad
{
    private readonly OrderedDictionary<(EncoderUse, string, string), EncoderLoadRow> _rows = [];

    /// <summary>The rows, by use and then in the order of the model and of the file.</summary>
    public IReadOnlyList<EncoderLoadRow> Rows => [.. _rows.Values.OrderBy(static row => row.Use)];

    /// <summary>Counts a tensor.</summary>
    public void Add(EncoderUse use, string name, long bytes, string remark = "")
    {
        name = LayerNumber().Replace(name, ".*.");
        var key = (use, name, remark);
        var row = _rows.GetValueOrDefault(key) ?? new EncoderLoadRow(use, name, 0, 0, remark);
        _rows[key] = row with { Tensors = row.Tensors + 1, Bytes = row.Bytes + bytes };
    }

    /// <summary>The rows as aligned lines.</summary>
    public static IEnumerable<string> Table(IReadOnlyList<EncoderLoadRow> rows)
    {
        string[][] cells =
        [
            ["weights", "tensors", "MB", "name"],
            .. rows.Select(static row => new[]
            {
                row.Use.ToString().ToLowerInvariant(), row.Tensors.ToString(CultureInfo.InvariantCulture), (row.Bytes / 1e6).ToString("N1", CultureInfo.InvariantCulture),
                Printable.OneLine(row.Remark.Length == 0 ? row.Name : $"{row.Name} ({row.Remark})"),
            }),
        ];
        int[] widths = [.. Enumerable.Range(0, 3).Select(column => cells.Max(row => row[column].Length))];
        return cells.Select(row => $"{row[0].PadRight(widths[0])}  {row[1].PadLeft(widths[1])}  {row[2].PadLeft(widths[2])}  {row[3]}");
    }

    [GeneratedRegex(@"\.\d+\.")]
    private static partial Regex LayerNumber();
}
