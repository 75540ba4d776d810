using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>Precision of the values of embeddings in a file.</summary>
public enum EmbeddingRounding
{
    /// <summary>float16: the embeddings of one fold (docs/reference-system.md, section 1.7).</summary>
    Half,

    /// <summary>float32: the precision of the models.</summary>
    Single,

    /// <summary>float64: averages and ensembles, without rounding.</summary>
    Double,
}

/// <summary>Rounding of embeddings.</summary>
internal static class Rounding
{
    /// <summary>Rounds a row to the nearest numbers, ties to even.</summary>
    /// <param name="table">The embeddings.</param>
    /// <param name="row">The row of the embedding.</param>
    /// <param name="rounding">The precision.</param>
    /// <param name="rounded">Receives the values, [Width].</param>
    /// <param name="path">The target file, for messages.</param>
    /// <exception cref="DataException">A value is too large.</exception>
    public static void Round(EmbeddingTable table, int row, EmbeddingRounding rounding, Span<double> rounded, string path)
    {
        var embedding = table[row];
        for (int i = 0; i < embedding.Length; i++)
        {
            rounded[i] = Round(embedding[i], rounding);
            if (!double.IsFinite(rounded[i]))
            {
                throw new DataException(string.Create(CultureInfo.InvariantCulture,
                    $"{path}: id {Printable.Quote(table.Ids[row])} has the value {embedding[i]}, too large for {rounding} precision"));
            }
        }
    }

    /// <summary>Rounds a value to the nearest number, ties to even; infinite if it is too large.</summary>
    public static double Round(double value, EmbeddingRounding rounding) => rounding switch
    {
        EmbeddingRounding.Half => (double)(Half)value,
        EmbeddingRounding.Single => (float)value,
        _ => value,
    };
}
