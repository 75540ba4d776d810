using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>The use of a tensor when a published encoder is loaded into a model.</summary>
public enum EncoderUse
{
    /// <summary>In both: read from the file.</summary>
    Used,

    /// <summary>In the model: computed, not read from the file.</summary>
    Computed,

    /// <summary>Only in the model: keeps its random initial values.</summary>
    New,

    /// <summary>Only in the file.</summary>
    Ignored,
}

/// <summary>
/// A row of the table of a model's weights and their sources. It covers the tensors of one name in all layers.
/// </summary>
/// <param name="Use">The use of the tensors.</param>
/// <param name="Name">
/// Their name, with <c>*</c> for the number of the layer. For weights of the model outside the encoder, the first part
/// of the name.
/// </param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Bytes">Bytes in the model (float32); bytes in the file for ignored tensors.</param>
/// <param name="Remark">The reason, if the use does not explain it; else empty.</param>
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
