namespace VideoSim.Models.Synthesis;

/// <summary>
/// Draws the frames of a video. Each channel of subject and scene has a look, a direction in the space of frames. Some
/// frames show their content as a negative. No linear map of the mean frame can undo that; a model that reads single
/// frames can. Other parts do not depend on the content: the style of the video, a drift with the position, title
/// cards in some frames, and noise.
/// </summary>
internal sealed class FrameSynthesizer
{
    /// <summary>Largest number of frames of a video.</summary>
    internal const int MaxFrames = 100;

    // Lengths of the parts of a frame. Noise has the standard deviations VideoNoise and FrameNoise in each of its
    // values.
    private const float ContentLength = 28, StyleLength = 14, DriftLength = 6, CardLength = 22;
    private const float VideoNoise = 0.3f, FrameNoise = 0.5f;
    private const float CardProbability = 0.06f, NegativeProbability = 0.2f;
    private const int Styles = 8, Cards = 6;

    // The amount of each pole changes from frame to frame (Flicker) and from the beginning of a video to its end
    // (Trend).
    private const double Flicker = 0.4, Trend = 0.3;

    private readonly ulong _seed;
    private readonly float[][] _looks, _styles, _cards;
    private readonly float[] _drift, _ground, _frame;

    internal FrameSynthesizer(ulong seed, int frameWidth)
    {
        (_seed, FrameWidth) = (seed, frameWidth);
        (_ground, _frame) = (new float[frameWidth], new float[frameWidth]);
        ulong number = 0;
        _looks = Directions(Aspect.TotalChannels);
        _styles = Directions(Styles);
        _cards = Directions(Cards);
        _drift = Directions(1)[0];

        float[][] Directions(int count) => [.. Enumerable.Range(0, count).Select(_ => Direction(seed, number++, frameWidth))];
    }

    /// <summary>Values of a frame.</summary>
    internal int FrameWidth { get; }

    /// <summary>Writes the frames of a video.</summary>
    /// <param name="video">Its number.</param>
    /// <param name="latent">Its latent vector.</param>
    /// <param name="fixedCount">Number of frames; null for a random number from 1 to 100.</param>
    /// <param name="frames">Room for <see cref="MaxFrames"/> frames.</param>
    /// <returns>Number of frames that were written.</returns>
    internal int Write(ulong video, ReadOnlySpan<double> latent, int? fixedCount, Span<Half> frames)
    {
        var random = new CounterRandom(_seed, Purpose.Frames, video);
        // A long tail: half of the videos have at most 4 frames, and a few have a hundred.
        int count = fixedCount ?? Math.Min(MaxFrames, (int)(9 / Math.Sqrt(1 - random.NextUniform())) - 8);
        float[] ground = _ground, frame = _frame;
        Array.Clear(ground);
        foreach (float[] style in _styles)
            Add(ground, style, StyleLength * (float)(random.NextNormal() / Math.Sqrt(Styles)));
        random.AddNoise(ground, VideoNoise);
        for (int f = 0; f < count; f++)
        {
            double position = (2 * f + 1.0) / count - 1; // -1 to 1
            ground.CopyTo(frame, 0);
            Add(frame, _drift, DriftLength * (float)position);
            if (f > 0 && random.NextBool(CardProbability))
                Add(frame, _cards[random.NextBelow(Cards)], CardLength);
            else
                AddContent(frame, latent, position, ref random);
            random.AddNoise(frame, FrameNoise);
            var target = frames.Slice(f * FrameWidth, FrameWidth);
            for (int i = 0; i < FrameWidth; i++)
                target[i] = (Half)frame[i];
        }
        return count;
    }

    private void AddContent(Span<float> frame, ReadOnlySpan<double> latent, double position, ref CounterRandom random)
    {
        float length = random.NextBool(NegativeProbability) ? -ContentLength : ContentLength;
        double first = 1 + Flicker * (random.NextUniform() - 0.5) - Trend * position;
        double second = 1 + Flicker * (random.NextUniform() - 0.5) + Trend * position;
        foreach (var aspect in Aspect.All.Where(aspect => aspect.InFrames))
        {
            for (int channel = aspect.First; channel < aspect.First + aspect.Channels; channel++)
            {
                if (latent[channel] > 0)
                    Add(frame, _looks[channel], length * (float)(latent[channel] * (channel % 2 == 0 ? first : second)));
            }
        }
    }

    private static float[] Direction(ulong seed, ulong number, int frameWidth)
    {
        var random = new CounterRandom(seed, Purpose.Looks, number);
        float[] direction = new float[frameWidth];
        random.AddNoise(direction, 1);
        double square = 0;
        foreach (float value in direction)
            square += value * value;
        float scale = (float)(1 / Math.Sqrt(square));
        for (int i = 0; i < direction.Length; i++)
            direction[i] *= scale;
        return direction;
    }

    private static void Add(Span<float> sum, float[] direction, float scale)
    {
        for (int i = 0; i < sum.Length; i++)
            sum[i] += scale * direction[i];
    }
}
