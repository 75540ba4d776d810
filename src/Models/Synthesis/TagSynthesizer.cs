using VideoSim.Models.Datasets;

namespace VideoSim.Models.Synthesis;

/// <summary>
/// Tags videos like human annotators. Tags follow the content. The common tags of a channel are much more frequent
/// than its rare ones. Some tags are missing, some are wrong, and some videos have none.
/// </summary>
internal sealed class TagSynthesizer
{
    private const double UntaggedProbability = 0.05, MissingProbability = 0.2, WrongProbability = 0.1, UnlistedProbability = 0.05;

    // A channel with two thirds of its aspect is always tagged, unless the tag is missing.
    private const double TagsPerShare = 1.5;
    private const int UnlistedTags = 20;

    private readonly ulong _seed;
    private readonly long[] _ids;

    internal TagSynthesizer(ulong seed, int tags)
    {
        (_seed, Tags) = (seed, tags);
        _ids = [.. Enumerable.Range(0, tags + UnlistedTags).Select(rank => Id(seed, rank))];
    }

    /// <summary>
    /// Takes the tags of a list, in random order of frequency, and the smallest numbers that are not in it.
    /// </summary>
    internal TagSynthesizer(ulong seed, TagList list)
    {
        (_seed, Tags) = (seed, list.ClassCount);
        long[] listed = list.Ids.ToArray();
        new CounterRandom(seed, Purpose.TagIds, ulong.MaxValue - 1).Shuffle(listed);
        var unlisted = Enumerable.Range(1, list.ClassCount + UnlistedTags).Select(static id => (long)id).Where(id => !list.TryGetClass(id, out _));
        _ids = [.. listed, .. unlisted.Take(UnlistedTags)];
    }

    /// <summary>Tags in the tag list.</summary>
    internal int Tags { get; }

    /// <summary>Ids of the tag list, in the order of frequency.</summary>
    internal ReadOnlySpan<long> Listed => _ids.AsSpan(0, Tags);

    /// <summary>Writes a video's tags.</summary>
    /// <param name="video">Its number.</param>
    /// <param name="latent">Its latent vector.</param>
    /// <param name="tags">Receives the ids; cleared first.</param>
    internal void Write(ulong video, ReadOnlySpan<double> latent, List<long> tags)
    {
        tags.Clear();
        var random = new CounterRandom(_seed, Purpose.Tags, video);
        if (random.NextBool(UntaggedProbability))
            return;
        foreach (var aspect in Aspect.All)
        {
            for (int channel = aspect.First; channel < aspect.First + aspect.Channels; channel++)
            {
                double share = latent[channel] * latent[channel] / aspect.Share;
                if (random.NextBool(TagsPerShare * share) && !random.NextBool(MissingProbability))
                    AddOnce(tags, _ids[RankOf(channel, ref random)]);
            }
        }
        if (random.NextBool(WrongProbability))
            AddOnce(tags, _ids[random.NextBelow(Tags)]);
        if (random.NextBool(UnlistedProbability))
            AddOnce(tags, _ids[Tags + random.NextBelow(UnlistedTags)]);
    }

    // Ranks channel, channel + 48, channel + 96, ... belong to a channel; the k-th is drawn with weight 1 / k.
    private int RankOf(int channel, ref CounterRandom random)
    {
        int count = (Tags - 1 - channel) / Aspect.TotalChannels + 1;
        double total = 0;
        for (int k = 1; k <= count; k++)
            total += 1.0 / k;
        double left = random.NextUniform() * total;
        int chosen = 0;
        while (chosen < count - 1 && (left -= 1.0 / (chosen + 1)) >= 0)
            chosen++;
        return channel + chosen * Aspect.TotalChannels;
    }

    // Like the challenge's ids: some short, some long, in no order. The last digits make them distinct.
    private static long Id(ulong seed, int rank)
    {
        var random = new CounterRandom(seed, Purpose.TagIds, (ulong)rank);
        return (random.NextBool(0.5) ? random.NextBelow(90) : 800) * 1_000_000L + 100_000 + rank;
    }

    private static void AddOnce(List<long> tags, long id)
    {
        if (!tags.Contains(id))
            tags.Add(id);
    }
}
