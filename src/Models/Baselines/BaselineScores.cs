using VideoSim.Engine.Devices;
using VideoSim.Models.Metrics;

namespace VideoSim.Models.Baselines;

/// <summary>
/// Spearman scores of three simple methods on labelled pairs; null if undefined. A model that does not beat them has
/// learned nothing.
/// </summary>
/// <param name="MeanFrameCosine">Cosine of the videos' mean frames.</param>
/// <param name="TitleOverlap">Cosine of the titles' tf-idf character bags.</param>
/// <param name="LinearProbe">
/// Cosine of one linear map of mean frame and character bag, trained on the training pairs.
/// </param>
public sealed record BaselineScores(double? MeanFrameCosine, double? TitleOverlap, double? LinearProbe)
{
    /// <summary>Computes all three.</summary>
    /// <param name="device">Device of the linear map.</param>
    /// <param name="training">Videos and pairs to train on.</param>
    /// <param name="test">Videos and pairs to score.</param>
    /// <param name="seed">Key of the random numbers.</param>
    /// <param name="cancellation">Stops the training.</param>
    public static BaselineScores Compute(
        Device device, LabelledVideos training, LabelledVideos test, ulong seed, CancellationToken cancellation = default)
    {
        double[] given = new double[test.Pairs.Length];
        for (int i = 0; i < given.Length; i++)
            given[i] = test.Pairs[i].TargetSimilarity;

        return new BaselineScores(
            Spearman.Correlation(MeanFrameCosines(test), given),
            Spearman.Correlation(TitleOverlaps(test), given),
            Spearman.Correlation(LinearProbeCosines(device, training, test, seed, cancellation), given));
    }

    internal static double[] MeanFrameCosines(LabelledVideos videos)
    {
        double[] cosines = new double[videos.Pairs.Length];
        for (int i = 0; i < cosines.Length; i++)
        {
            var pair = videos.Pairs[i];
            cosines[i] = Cosine(videos.MeanFrame(pair.Left), videos.MeanFrame(pair.Right));
        }

        return cosines;
    }

    internal static double[] TitleOverlaps(LabelledVideos videos)
    {
        var bags = new CharacterIndex(videos).BagsOf(videos);
        double[] overlaps = new double[videos.Pairs.Length];
        for (int i = 0; i < overlaps.Length; i++)
            overlaps[i] = bags[videos.Pairs[i].Left].Cosine(bags[videos.Pairs[i].Right]);

        return overlaps;
    }

    internal static double[] LinearProbeCosines(
        Device device, LabelledVideos training, LabelledVideos test, ulong seed, CancellationToken cancellation = default)
    {
        var inputs = new ProbeInputs(training);
        using var probe = new LinearProbe(device, inputs.Width, seed);
        probe.Train(inputs.RowsOf(training), training.Pairs, cancellation);
        return probe.Similarities(inputs.RowsOf(test), test.Pairs);
    }

    private static double Cosine(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        double product = 0, leftSquare = 0, rightSquare = 0;
        for (int i = 0; i < left.Length; i++)
        {
            product += (double)left[i] * right[i];
            leftSquare += (double)left[i] * left[i];
            rightSquare += (double)right[i] * right[i];
        }

        double lengths = Math.Sqrt(leftSquare * rightSquare);
        return lengths > 0 ? product / lengths : 0;
    }
}
