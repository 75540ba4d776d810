namespace VideoSim.Models.Baselines;

/// <summary>
/// The inputs of the linear probe: the mean frame of a video and its character bag. Mean frames are centred and
/// scaled, so that those of the training videos have the mean square length 1. A bag has length 1.
/// </summary>
internal sealed class ProbeInputs
{
    private readonly CharacterIndex _characters;
    private readonly float[] _centre;
    private readonly float _scale;

    /// <summary>Computes centre, scale and characters from the training videos.</summary>
    internal ProbeInputs(LabelledVideos training)
    {
        _characters = new CharacterIndex(training);
        double[] sums = new double[training.FrameWidth];
        double squares = 0.0;
        for (int video = 0; video < training.Count; video++)
        {
            var frame = training.MeanFrame(video);
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] += frame[i];
                squares += (double)frame[i] * frame[i];
            }
        }

        _centre = Array.ConvertAll(sums, sum => (float)(sum / training.Count));
        double spread = (squares / training.Count) - _centre.Sum(value => (double)value * value);
        _scale = spread > 0 ? (float)(1 / Math.Sqrt(spread)) : 1;
    }

    /// <summary>Number of values in a row.</summary>
    internal int Width => _centre.Length + _characters.Count;

    /// <summary>The input rows of a set of videos.</summary>
    /// <returns>A function that writes the row of a video into zeros [<see cref="Width"/>].</returns>
    internal Action<int, Span<float>> RowsOf(LabelledVideos videos)
    {
        var bags = _characters.BagsOf(videos);
        return (video, row) =>
        {
            var frame = videos.MeanFrame(video);
            for (int i = 0; i < _centre.Length; i++)
                row[i] = (frame[i] - _centre[i]) * _scale;

            var (columns, weights) = bags[video];
            for (int i = 0; i < columns.Length; i++)
                row[_centre.Length + columns[i]] = weights[i];
        };
    }
}
