using System.IO.Hashing;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Import;

/// <summary>
/// Which rows go into which files, and the labels of the pairs. Without parts in the table all rows are for
/// pretraining, and the rows of pairs are in the file of pairs as well. The rows of test pairs are only in test_a.
/// </summary>
internal sealed class ImportPlan
{
    // As many files as the challenge has, with at least so many videos in each.
    private const int MostFiles = 20, VideosOfAFile = 4_000;

    private static readonly string[] Parts = RowRules.SplitNames;

    private readonly bool[] _pretrains, _isOfPairs;
    private readonly Split[] _pairParts; // None for a row without pairs
    private readonly int _pretrainVideos;

    private ImportPlan(TableSurvey survey, bool[] pretrains, Split[] pairParts)
    {
        (_pretrains, _pairParts) = (pretrains, pairParts);
        _isOfPairs = [.. pairParts.Select(static part => part != Split.None)];
        _pretrainVideos = pretrains.Count(static pretrain => pretrain);
        Survey = survey;
    }

    /// <summary>The rows.</summary>
    internal TableSurvey Survey { get; }

    /// <summary>The pairs of each part.</summary>
    internal Dictionary<Split, List<LabelledPair>> Pairs { get; } = new() { [Split.Pairs] = [], [Split.TestA] = [], [Split.TestB] = [] };

    /// <summary>Plans an import.</summary>
    /// <param name="survey">The rows.</param>
    /// <param name="options">File of pairs, seed.</param>
    /// <param name="bad">Receives the bad lines of the pairs.</param>
    /// <param name="progress">Receives notes.</param>
    internal static ImportPlan Of(TableSurvey survey, ImportOptions options, BadRowList bad, IProgressSink progress)
    {
        var pairs = options.Pairs is { } file ? ReadPairs(survey, file, options.Seed, bad, progress) : [];
        return survey.HasSplits ? OfSplits(survey, pairs) : OfPairs(survey, pairs, progress);
    }

    /// <summary>The files of a row, which is the row's number among those for pretraining.</summary>
    internal IEnumerable<string> FilesOf(int row, int pretrainNumber)
    {
        if (_pretrains[row])
        {
            int files = Math.Clamp(_pretrainVideos / VideosOfAFile, 1, MostFiles);
            yield return $"pointwise/pretrain_{(long)pretrainNumber * files / _pretrainVideos}.tfrecords";
        }
        if (_isOfPairs[row])
            yield return $"{FolderOf(_pairParts[row])}/{FolderOf(_pairParts[row])}.tfrecords";
    }

    /// <summary>Whether a row is for pretraining.</summary>
    internal bool Pretrains(int row) => _pretrains[row];

    /// <summary>The part of a row beside pretraining; None if there is none.</summary>
    internal Split PairPartOf(int row) => _pairParts[row];

    /// <summary>Whether the tags of a row are counted: models are not trained with test videos.</summary>
    internal bool Trains(int row) => _pretrains[row] || _pairParts[row] == Split.Pairs;

    /// <summary>Name of the folder of a part's pairs.</summary>
    internal static string FolderOf(Split part) => part == Split.Pairs ? "pairwise" : Parts[(int)part - 1];

    private static ImportPlan OfSplits(TableSurvey survey, List<LabelledPair> pairs)
    {
        // A row that names no part is for pretraining.
        var splits = survey.Splits.Select(static split => split ?? Split.Pretrain).ToArray();
        var plan = new ImportPlan(survey, [.. splits.Select(static split => split == Split.Pretrain)],
            [.. splits.Select(static split => split == Split.Pretrain ? Split.None : split)]);
        foreach (var pair in pairs)
            plan.Pairs[splits[pair.Left]].Add(pair);
        return plan;
    }

    private static ImportPlan OfPairs(TableSurvey survey, List<LabelledPair> pairs, IProgressSink progress)
    {
        var test = new TestSplit(pairs);
        bool[] pretrains = [.. Enumerable.Range(0, survey.Count).Select(row => survey.IsGood(row) && !test.IsTest(row))];
        var parts = new Split[survey.Count];
        foreach (var pair in pairs)
            parts[pair.Left] = parts[pair.Right] = Split.Pairs;
        for (int row = 0; row < parts.Length; row++)
            parts[row] = test.IsTest(row) ? Split.TestA : parts[row];
        var kept = pairs.Where(pair => test.IsTest(pair.Left) == test.IsTest(pair.Right)).ToArray();
        var used = kept.SelectMany(static pair => new[] { pair.Left, pair.Right }).ToHashSet();
        for (int row = 0; row < parts.Length; row++)
            parts[row] = used.Contains(row) ? parts[row] : Split.None;
        var plan = new ImportPlan(survey, pretrains, parts);
        foreach (var pair in kept)
            plan.Pairs[parts[pair.Left]].Add(pair);
        if (pairs.Count > 0)
            Note(test, pairs.Count, progress);
        return plan;
    }

    private static void Note(TestSplit test, int pairs, IProgressSink progress)
    {
        if (!test.Exists)
            progress.Note("no test set: a tenth of the pairs, without videos of training pairs, would cost more than half of the pairs; a column 'split' can name the test videos");
        else if (test.Left > 0)
            progress.Note($"pairs left out: {test.Left} of {pairs}, because one of their videos is a test video; a column 'split' can name other test videos");
    }

    private static List<LabelledPair> ReadPairs(TableSurvey survey, string file, ulong seed, BadRowList bad, IProgressSink progress)
    {
        var pairs = new List<LabelledPair>();
        var hash = new XxHash3((long)seed);
        int ofBadRows = 0, before = bad.Count;
        LabelFile.ReadLines(file, Find, Take, Refuse);
        if (pairs.Count + ofBadRows + bad.Count == before)
            throw new DataException($"{file}: there are no pairs");
        if (ofBadRows > 0)
            progress.Note($"{file}: pairs left out: {ofBadRows}, because a row of their videos is bad");
        return pairs;

        bool Find(ReadOnlySpan<byte> id, out int row)
        {
            hash.Append(id);
            hash.Append("\t"u8);
            return survey.TryFind(id, out row);
        }

        void Take(int line, VideoPair pair)
        {
            ulong place = hash.GetCurrentHashAsUInt64();
            hash.Reset();
            if (pair.Left == pair.Right)
                Refuse(line, "a video is paired with itself");
            else if (!survey.IsGood(pair.Left) || !survey.IsGood(pair.Right))
                ofBadRows++;
            else if (survey.HasSplits && ProblemOf(survey.Splits[pair.Left], survey.Splits[pair.Right]) is { } problem)
                Refuse(line, problem);
            else
                pairs.Add(new LabelledPair(pair.Left, pair.Right, pair.TargetSimilarity, place));
        }

        void Refuse(int line, string reason)
        {
            hash.Reset();
            bad.Add(new BadRow(file, "line", line, "", reason));
        }
    }

    private static string? ProblemOf(Split? left, Split? right)
    {
        if (left == right && left is Split.Pairs or Split.TestA or Split.TestB)
            return null;
        return $"its videos are in {Name(left)} and {Name(right)}; both must be in pairs, in test_a, or in test_b";

        static string Name(Split? split) => Parts[(int)(split ?? Split.Pretrain) - 1];
    }
}
