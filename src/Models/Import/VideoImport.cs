using System.Globalization;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using VideoSim.Models.Text;

namespace VideoSim.Models.Import;

/// <summary>
/// Writes a table of videos with their frames as a data folder in the challenge's layout. The table is read twice:
/// once to check all rows and to plan, once to write. Frames are read once. The bytes depend neither on the number of
/// threads nor on interruptions (docs/adr/0013).
/// </summary>
public sealed class VideoImport
{
    private const int Megabyte = 1_000_000;

    private readonly ImportOptions _options;
    private readonly IProgressSink _progress;
    private readonly CancellationToken _cancellation;
    private readonly IVideoTable _table;
    private readonly RowRules _rules;
    private readonly BadRowList _badPairs;
    private readonly byte[]? _givenVocabulary;
    private readonly List<BadFrames> _badFrames = [];
    private readonly HashSet<int> _badRows = [];
    private readonly TitleVocabulary _vocabulary = new();

    private VideoImport(ImportOptions options, IProgressSink progress, CancellationToken cancellation)
    {
        (_options, _progress, _cancellation) = (options, progress, cancellation);
        _table = VideoTables.Open(options.Table, options.OpenParquet);
        _badPairs = new BadRowList(options.MostBadRows);
        if (options.Vocabulary is { } vocabulary)
        {
            _givenVocabulary = FileFailure.ReadAllBytes(vocabulary, Vocabulary.Limit);
            Vocabulary.Parse(_givenVocabulary, vocabulary);
        }
        _rules = new RowRules(options.Frames ?? Path.GetDirectoryName(Path.GetFullPath(options.Table))!);
    }

    /// <summary>Imports, or continues an interrupted import. A complete import is not repeated.</summary>
    /// <returns>What was written. If rows are bad and not skipped, nothing was.</returns>
    /// <exception cref="DataException">
    /// A file cannot be read or written, or the output folder has other files.
    /// </exception>
    public static ImportResult Run(ImportOptions options, IProgressSink progress, CancellationToken cancellation)
    {
        if (options.Frames is { } frames && !PathCheck.IsFolder(frames))
            throw new DataException($"--frames {frames}: there is no such folder");
        try
        {
            var import = new VideoImport(options, progress, cancellation);
            bool isFinished = ImportFolder.IsFinished(options.OutputDirectory);
            using var shards = options.JoinsShards ? ImportShards.Open(options.OutputDirectory, isFinished) : null;
            using var work = isFinished ? null : ImportWork.Open(options.OutputDirectory, options.Shard);
            return import.Run(work, shards);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(options.OutputDirectory, e, options.OutputDirectory);
        }
    }

    // Without a folder to work in the import is complete, or the folder has another one.
    private ImportResult Run(ImportWork? work, ImportShards? shards)
    {
        FileDigest[] inputs = [.. new[] { _options.Table, _options.Pairs, _options.Vocabulary }.OfType<string>().Select(FileDigest.OfContent)];
        var survey = TableSurvey.Of(_table, _rules, _options, _progress, _cancellation);
        if (_table.OtherColumns.Count > 0)
            _progress.Note($"{_table.Path}: columns that are not read: {VideoTables.Shown(_table.OtherColumns)}");
        var plan = ImportPlan.Of(survey, _options, _badPairs, _progress);
        var key = new ImportKey(survey, _rules.Folder, inputs, _options);
        var result = work is null ? ReadFinished(key) : Run(plan, key, work, shards, inputs);
        if (result.Written)
            shards?.Discard(key);
        return result;
    }

    private ImportResult ReadFinished(ImportKey key)
    {
        var finished = ImportFolder.ReadFinished(_options.OutputDirectory, key.OfResult);
        _progress.Note($"{_options.OutputDirectory}: this import is complete");
        return finished;
    }

    private ImportResult Run(ImportPlan plan, ImportKey key, ImportWork work, ImportShards? shards, FileDigest[] inputs)
    {
        shards?.RequireComplete(key, plan.Survey.Count);
        if (work.Continue(key, note => _progress.Note($"{_options.OutputDirectory}: {note}")) is { } earlier)
            return earlier;
        shards?.JoinInto(work, plan.Survey.Count, _options.MostBadRows, _progress, _cancellation);
        var result = Run(plan, work);
        if (inputs.Any(static input => FileDigest.OfContent(input.Path) != input))
            throw new DataException($"{inputs.First(static input => FileDigest.OfContent(input.Path) != input).Path}: changed while it was imported");
        if (!result.Written)
        {
            work.Discard();
        }
        else if (_options.Shard is { } shard)
        {
            Save(work, RowsOf(plan.Survey).To);
            _progress.Note($"{_options.OutputDirectory}: shard {shard} is complete; --collect joins all of them");
        }
        else
        {
            work.Finish(result);
        }
        return result;
    }

    private ImportResult Run(ImportPlan plan, ImportWork work)
    {
        var survey = plan.Survey;
        if (work.Saved is { } saved)
            _badFrames.AddRange(saved.BadRows);
        _badRows.UnionWith(_badFrames.Select(static bad => bad.Row));
        int[] written = WriteVideos(plan, work);
        if (_options.Shard is not null)
            return ResultOf(survey, Writes(survey), [.. written.Select(static (videos, part) => new ImportedPart(RowRules.SplitNames[part], videos, 0))]);
        var parts = new List<ImportedPart> { new(RowRules.SplitNames[0], written[0], 0) };
        bool writes = Writes(survey) && written.Sum() > 0;
        foreach (var (part, pairs) in plan.Pairs)
        {
            var good = pairs.Where(pair => !_badRows.Contains(pair.Left) && !_badRows.Contains(pair.Right)).ToArray();
            if (good.Length < pairs.Count)
                _progress.Note($"{_options.Pairs}: pairs of {RowRules.SplitNames[(int)part - 1]} left out: {pairs.Count - good.Length}, because the frames of their videos are bad");
            parts.Add(new ImportedPart(RowRules.SplitNames[(int)part - 1], written[(int)part - 1], good.Length));
            if (writes && good.Length > 0)
                work.Write($"{ImportPlan.FolderOf(part)}/label.tsv", Labels(good));
        }
        if (writes && survey.Tags.Used == 0)
            _progress.Note("no training video has a tag: a model can be trained without tag losses only");
        if (writes && parts.All(static part => part.Pairs == 0))
            _progress.Note("there are no labelled pairs: a model can be pretrained but not finetuned");
        if (writes && survey.Tags.Used > 0)
        {
            work.Write("tags.tsv", survey.Tags.ToTable());
            work.Write("tag_list.txt", survey.Tags.ToList());
        }
        if (writes)
            work.Write("vocab.txt", _givenVocabulary ?? MakeVocabulary());
        return ResultOf(survey, writes, parts);

        byte[] Labels(LabelledPair[] pairs)
        {
            string[] ids = survey.Ids;
            var text = new StringBuilder();
            foreach (var pair in pairs)
                text.Append(CultureInfo.InvariantCulture, $"{ids[pair.Left]}\t{ids[pair.Right]}\t{pair.Similarity}\n");
            // A byte order mark at the beginning would be left out by the reader. This one protects that of an id.
            return Encoding.UTF8.GetBytes((text[0] == '\uFEFF' ? "\uFEFF" : "") + text);
        }
    }

    private ImportResult ResultOf(TableSurvey survey, bool written, IReadOnlyList<ImportedPart> parts) =>
        new(written, survey.Count, survey.FrameWidth, survey.Tags.Used, parts, BadRowCount(survey), ListedBadRows(survey));

    private byte[] MakeVocabulary()
    {
        byte[] file = _vocabulary.ToFile();
        _progress.Note($"vocab.txt: {Vocabulary.Parse(file, "vocab.txt").Count} pieces, made from the titles; --vocab copies another vocabulary");
        return file;
    }

    // Without --skip-bad-rows the first bad row ends the writing. The other rows are checked all the same.
    private bool Writes(TableSurvey survey) => _options.SkipBadRows || BadRowCount(survey) == 0;

    private int BadRowCount(TableSurvey survey) => survey.BadRows.Count + _badPairs.Count + _badFrames.Count;

    // The rows that this import writes, [From, To).
    private (int From, int To) RowsOf(TableSurvey survey) => _options.Shard?.RowsOf(survey.Count) ?? (0, survey.Count);

    private void Save(ImportWork work, int row)
    {
        using var saves = UnfinishedWork.State();
        work.Wait();
        work.TrySave(row, _badFrames);
        work.Wait();
    }

    // Returns the number of videos of each part.
    private int[] WriteVideos(ImportPlan plan, ImportWork work)
    {
        var survey = plan.Survey;
        int[] written = new int[RowRules.SplitNames.Length];
        var (from, to) = RowsOf(survey);
        int resumeAt = work.Saved?.Row ?? from, row = 0, next = 0, pretrainNumber = 0;
        long readBytes = 0, saveAt = _options.SaveEvery;
        var large = new ImportPiece();
        using var rows = _table.Read().GetEnumerator();
        while (row < resumeAt && rows.MoveNext())
            Account(row++, rows.Current, _badRows.Contains(row - 1));
        next = row;
        _progress.Begin(Writes(survey) ? "importing, MB" : "checking frames, MB", Megabytes(survey.FrameBytesOf(from, to)), Megabytes(readBytes = survey.FrameBytesOf(from, resumeAt)));
        try
        {
            new OrderedWork<ImportPiece>(Take, piece =>
            {
                if (!piece.IsLarge)
                    Work(piece, survey.FrameWidth);
            }, Give).Run(_options.Threads, static () => new ImportPiece());
        }
        catch (OperationCanceledException) when (Writes(survey))
        {
            Save(work, next);
            throw;
        }
        work.Wait();
        _progress.Report(Megabytes(readBytes), "");
        _progress.End($"{written.Sum()} videos");
        return written;

        bool Take(ImportPiece piece)
        {
            _cancellation.ThrowIfCancellationRequested();
            piece.Clear();
            for (; row < to && !piece.IsFull && rows.MoveNext(); piece.FrameBytes += survey.FrameBytesOf(row++))
            {
                bool good = survey.IsGood(row);
                piece.Rows.Add(new ImportRow(row, rows.Current, good, good ? survey.Tags.NumbersOf(rows.Current.Tags) : []));
            }
            return piece.Rows.Count > 0;
        }

        void Give(ImportPiece piece)
        {
            if (piece.IsLarge)
            {
                large.Clear();
                large.Rows.AddRange(piece.Rows);
                Work(piece = large, survey.FrameWidth);
            }
            foreach (var one in piece.Rows)
            {
                if (one.Problem is not null)
                {
                    var bad = new BadFrames(one.Row, one.Source.Line, one.Source.Id, one.Problem);
                    _badFrames.Add(_badFrames.Count < _options.MostBadRows ? bad : bad.Unlisted);
                    _badRows.Add(one.Row);
                }
                bool writes = one.IsGood && one.Problem is null && Writes(survey);
                foreach (string file in writes ? plan.FilesOf(one.Row, pretrainNumber) : [])
                    work.Append(file, piece.Records.AsSpan(one.Start, one.Bytes));
                Account(one.Row, one.Source, one.Problem is not null);
                readBytes += one.FrameBytes;
                next = one.Row + 1;
            }
            _progress.Report(Megabytes(readBytes), $"{next} rows");
            if (Writes(survey) && work.Written >= saveAt && work.TrySave(next, _badFrames))
                saveAt = work.Written + _options.SaveEvery;
        }

        // Numbers and counts of a row, also of one that an earlier process wrote.
        void Account(int number, TableRow source, bool isBad)
        {
            if (!survey.IsGood(number))
                return;
            if (plan.Pretrains(number))
                pretrainNumber++;
            if (isBad || number < from)
                return;
            if (plan.Trains(number))
            {
                survey.Tags.Count(source.Tags);
                if (_givenVocabulary is null)
                    _vocabulary.Count(source.Title);
            }
            if (plan.Pretrains(number))
                written[0]++;
            if (plan.PairPartOf(number) is var part and not Split.None)
                written[(int)part - 1]++;
        }
    }

    private void Work(ImportPiece piece, int width)
    {
        foreach (var row in piece.Rows.Where(static row => row.IsGood))
        {
            string path = _rules.FindFrames(row.Source, out _)!;
            row.Problem = TryRead(piece, row, path, width, out string? reason) ? null : $"{Printable.OneLine(RowRules.FramesOf(row.Source))}: {reason}";
        }
    }

    private static bool TryRead(ImportPiece piece, ImportRow row, string path, int width, out string? reason)
    {
        if (!FrameFile.TryOpen(path, out var file, out reason))
            return false;
        using (file)
        {
            int values = file.Count * file.Width;
            if (file.Width != width)
                reason = "the width of its frames changed during the import";
            else if (file.TryRead(piece.FramesOf(values), ref piece.Buffer, out reason))
                piece.Add(row, width, values);
            row.FrameBytes = file.FileBytes;
            return reason is null;
        }
    }

    private string[] ListedBadRows(TableSurvey survey)
    {
        var ofFrames = _badFrames.Take(_options.MostBadRows).Select(bad => new BadRow(_table.Path, _table.RowName, bad.Line, bad.Id, bad.Reason));
        string[] listed = [.. survey.BadRows.Kept.Concat(ofFrames).OrderBy(static bad => bad.Line).Concat(_badPairs.Kept).Take(_options.MostBadRows).Select(static bad => bad.ToString())];
        int more = BadRowCount(survey) - listed.Length;
        return more > 0 ? [.. listed, $"{_table.Path}: {more} more bad rows"] : listed;
    }

    private static long Megabytes(long bytes) => (bytes + Megabyte - 1) / Megabyte;
}
