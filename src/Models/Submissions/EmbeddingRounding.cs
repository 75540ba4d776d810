using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>To what the values of an embedding are rounded when they are written.</summary>
public enum EmbeddingRounding
{
    /// <summary>float16: the embeddings of one fold (docs/reference-system.md, section 1.7).</summary>
    Half,

    /// <summary>float32: as the model computed them.</summary>
    Single,

    /// <summary>float64: averages and ensembles, in full.</summary>
    Double,
}

/// <summary>Rounding of embeddings.</summary>
internal static class Rounding
{
    /// <summary>Rounds a row to the nearest numbers, ties to even.</summary>
    /// <param name="table">The embeddings.</param>
    /// <param name="row">Which one.</param>
    /// <param name="rounding">To what.</param>
    /// <param name="rounded">Takes the values, [Width].</param>
    /// <param name="path">The file that they are for, named in messages.</param>
    /// <exception cref="DataException">A value is too large.</exception>
    public static void Round(EmbeddingTable table, int row, EmbeddingRounding rounding, Span<double> rounded, string path)
    {
        var embedding = table[row];
        for (int i = 0; i < embedding.Length; i++)
        {
            rounded[i] = rounding switch
            {
                EmbeddingRounding.Half => (double)(Half)embedding[i],
                EmbeddingRounding.Single => (float)embedding[i],
                _ => embedding[i],
            };
            if (!double.IsFinite(rounded[i]))
            {
                throw new DataException(string.Create(CultureInfo.InvariantCulture,
                    $"{path}: id {Printable.Quote(table.Ids[row])} has the value {embedding[i]}, too large for {rounding} precision"));
            }
        }
    }
}
