namespace VideoSim.Models.Metrics;

/// <summary>
/// Precision and recall of tags over all (video, tag) entries (docs/reference-system.md, section 6). A tag is
/// predicted if its probability is above one half, that is, if its logit is above 0. A score without anything to count
/// is null: it is undefined.
/// </summary>
/// <param name="Found">Entries predicted and present.</param>
/// <param name="Predicted">Entries predicted.</param>
/// <param name="Present">Entries present.</param>
public readonly record struct TagScore(long Found, long Predicted, long Present)
{
    private const double F1Epsilon = 1e-6; // the reference's value; F1 is 0, not NaN, if no present tag was found
    private const int WordBits = 32;

    /// <summary>Share of the predicted tags that are present; null if none is predicted.</summary>
    public double? TagPrecision => Predicted == 0 ? null : (double)Found / Predicted;

    /// <summary>Share of the present tags that are predicted; null if none is present.</summary>
    public double? TagRecall => Present == 0 ? null : (double)Found / Present;

    /// <summary>2PR / (P + R + 1e-6); 0 if tags are present and none is predicted, null if none is present.</summary>
    public double? TagF1 => Predicted == 0 && Present > 0 ? 0 : 2 * TagPrecision * TagRecall / (TagPrecision + TagRecall + F1Epsilon);

    /// <summary>This score with one more video.</summary>
    /// <param name="logits">[tags]</param>
    /// <param name="labels">Bits: tag c is bit c % 32 of word c / 32.</param>
    public TagScore With(ReadOnlySpan<float> logits, ReadOnlySpan<uint> labels)
    {
        var (found, predicted, present) = this;
        for (int tag = 0; tag < logits.Length; tag++)
        {
            bool isPresent = (labels[tag / WordBits] >> (tag % WordBits) & 1) != 0, isPredicted = logits[tag] > 0;
            found += isPresent && isPredicted ? 1 : 0;
            predicted += isPredicted ? 1 : 0;
            present += isPresent ? 1 : 0;
        }
        return new TagScore(found, predicted, present);
    }
}
