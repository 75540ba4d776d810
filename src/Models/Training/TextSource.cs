using VideoSim.Engine;

namespace VideoSim.Models.Training;

/// <summary>Where a model's vocabulary comes from.</summary>
/// <param name="VocabularyFile">A vocab.txt; null for the data folder's own.</param>
public sealed record TextSource(string? VocabularyFile = null)
{
    /// <summary>The vocabulary to train with.</summary>
    /// <exception cref="DataException">There is none; the message says what to pass.</exception>
    public string VocabularyFor(DataFolder data) => VocabularyFile
        ?? (File.Exists(data.Vocabulary) ? data.Vocabulary : throw new DataException($"{data.Vocabulary}: there is no such file; name a vocabulary with --vocab FILE"));
}
