namespace VideoSim.Models.Baselines;

/// <summary>
/// A title as a bag of characters: a sparse vector of length 1. The length is 0 if no character of the title has a
/// weight.
/// </summary>
/// <param name="Columns">Columns of its characters in the <see cref="CharacterIndex"/>, ascending.</param>
/// <param name="Weights">Their weights.</param>
internal readonly record struct CharacterBag(int[] Columns, float[] Weights)
{
    /// <summary>The cosine of two bags.</summary>
    internal double Cosine(CharacterBag other)
    {
        double sum = 0.0;
        for (int i = 0, j = 0; i < Columns.Length && j < other.Columns.Length;)
        {
            int order = Columns[i].CompareTo(other.Columns[j]);
            sum += order == 0 ? (double)Weights[i] * other.Weights[j] : 0;
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return sum;
    }
}
