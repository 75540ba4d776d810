using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Recipes;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// Opens the folder of a reproduction. The first process begins it: it checks the inputs, writes args.json and
/// inputs.json and makes the data. It has a claim meanwhile, and others wait for it.
/// </summary>
internal sealed class ReproductionStart
{
    private readonly ReproductionContext _context;
    private readonly ReproductionOptions _options;
    private readonly PartFolder _parts;

    private ReproductionStart(ReproductionContext context, PartFolder parts) => (_context, _options, _parts) = (context, context.Options, parts);

    /// <summary>Opens the folder. Until the result is disposed of, it stays locked.</summary>
    /// <param name="context">Device, options and progress.</param>
    /// <param name="parts">The folder of the claims.</param>
    /// <param name="shared">Whether other processes may do parts meanwhile.</param>
    /// <exception cref="DataException">
    /// An input is wrong, or the folder belongs to something else or is in use. Nothing in it has changed.
    /// </exception>
    public static RunFolder Open(ReproductionContext context, PartFolder parts, bool shared)
    {
        var options = context.Options;
        if (options.Data is not null && (options.Overwrite || !new RunInputs(options.OutputDirectory).Exist))
            RequireInputs(options, context.Data);
        if (options.Data is not null)
            EarlierFiles.BestPossible(context.Data);
        var start = new ReproductionStart(context, parts);
        RunFolder? folder;
        while ((folder = start.TryOpen(shared)) is null)
            context.Progress.Note($"{options.OutputDirectory}: another process has taken over the begin; this one stops it");
        if (!options.HasLabels)
            context.Progress.Note($"{context.Data.TestLabels("b")}: there is no such file; scores are left out");
        return folder;
    }

    // Null if another process has taken over the begin, because this one was stopped for too long.
    private RunFolder? TryOpen(bool shared)
    {
        var folder = Folder(shared);
        try
        {
            if (!shared)
                _parts.RequireAlone(_context);
            if (!folder.IsNew && !shared)
                EarlierFiles.Require(_options.OutputDirectory, _options.Models, _options.FoldsOf);
            AtomicFile.RequireWritable(Path.Combine(_options.OutputDirectory, ReproductionLayout.Summary));
            if (shared && HasBegun(folder))
            {
                CheckInputs(folder);
                return folder;
            }
            using var claim = _parts.Take(PartFolder.Begin, $"begins {_options.OutputDirectory}", _context);
            try
            {
                if (shared)
                {
                    // Another process may have begun it.
                    folder.Dispose();
                    folder = null;
                    folder = Folder(shared);
                }
                using var guard = WriteGuard.Begin(() => RequireOwn(claim));
                if (shared && HasBegun(folder))
                    CheckInputs(folder);
                else
                    Begin(folder);
                claim.Delete();
                return folder;
            }
            catch (Exception e) when (e is not OperationCanceledException && !claim.IsOwn())
            {
                // The other process has removed what this one was writing, or the folder is gone.
                WriteGuard.Require();
                folder?.Dispose();
                return null;
            }
            catch
            {
                claim.Delete();
                AtomicFile.DeleteLeftover(() => Directory.Delete(Path.Combine(_options.OutputDirectory, RunLayout.Parts))); // if it is empty
                throw;
            }
        }
        catch
        {
            folder?.Dispose();
            throw;
        }
    }

    private RunFolder Folder(bool shared)
    {
        var folder = RunFolder.Open(_options.OutputDirectory, _options.Arguments(), layout: new ReproductionLayout(), overwrite: _options.Overwrite, inputs: _options.InputFiles(), shared: shared, tuning: _options.Tuning);
        folder.GuardWrites();
        return folder;
    }

    // Whether another process has begun it, and with the same arguments. A folder with old results that are to be
    // deleted has an inputs.json, too. So may one that another process began after this one had looked for args.json.
    private static bool HasBegun(RunFolder folder) => !folder.IsNew && folder.Inputs.Exist;

    private void RequireOwn(FileClaim claim)
    {
        if (!claim.IsOwn())
            throw new DataException($"{_options.OutputDirectory}: another process has taken over the begin; this process stops");
    }

    // Refuses data that a stage would refuse, without reading all videos.
    private static void RequireInputs(ReproductionOptions options, DataFolder data)
    {
        data.RequirePairs();
        data.RequireTest();
        FrameWidths.Of(data, options.Overrides, data.Pairwise, data.Test("b"));
        foreach (string model in options.Models)
        {
            options.TextOf(model).VocabularyFor(data);
            var preset = Preset.Load(options.Preset, model, options.Overrides);
            data.RequireTags(preset);
            Pretraining.RequireBatch(data, preset.Pretrain);
            Finetuning.RequireBatch(data, preset.Finetune, fold: 1, options.VideoDisjoint);
        }
    }

    // Made data is there only after the begin; of other data everything is checked before it.
    private void Begin(RunFolder folder)
    {
        if (_options.Data is null)
        {
            folder.Begin(null, _context.Progress);
            MakeData();
        }
        var inputs = CheckInputs(folder);
        if (_options.Data is not null)
            folder.Begin(inputs, _context.Progress);
        else if (inputs is not null)
            folder.Inputs.Require(inputs);
    }

    // Checks only the inputs that the stages do not check themselves. Returns those of a reproduction that begins.
    private FileDigest[]? CheckInputs(RunFolder folder)
    {
        var data = _context.Data;
        string[] others = [.. data.TagListFiles, data.Labels, .. _options.Models.Select(model => _options.TextOf(model).VocabularyFor(data)).Distinct()];
        if (folder.IsNew || !folder.Inputs.Exist)
        {
            RequireInputs(_options, data);
            // Finds damage in the inputs of the last stage before the first stage runs.
            var test = data.Format.Open([data.Test("b")], _context.FrameWidth, _options.SkipBadRecords, progress: _context.Progress, cancellation: _context.Cancellation);
            foreach (string model in _options.Models)
            {
                using var encoder = _options.TextOf(model).OpenEncoder(model);
                encoder?.Check(_context.Cancellation);
            }
            return [.. test.Digests, .. others.Select(FileDigest.OfContent)];
        }
        if (folder.Inputs.Change(data.Format, [data.Test("b")], others, _context.Cancellation) is { } change)
        {
            if (!IsEmbedded)
                throw new DataException(RunInputs.Refusal(folder.FolderPath, change));
            _context.Progress.Note($"{folder.FolderPath} is complete and stays as it is, but {change} since it began; choose another --output-dir to do it again");
        }
        return null;
    }

    // Whether all embeddings of the requested models and folds exist.
    private bool IsEmbedded => ReproductionPart.AllOf(_options).All(part => part.Fold is null || File.Exists(EarlierFiles.EmbeddingFile(_context.FolderOf(part.Model), part.Run)));

    private void MakeData()
    {
        var data = _context.Data;
        if (Directory.Exists(data.Root))
            return;
        // The folder gets its name when it is complete. A run that was stopped before writes it again.
        string unfinished = Path.Combine(_options.OutputDirectory, ReproductionLayout.UnfinishedData);
        try
        {
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
            SyntheticDataset.Write(new SyntheticDatasetOptions { Seed = _options.Seed }, unfinished, _context.Progress, _context.Cancellation);
            UnfinishedWork.Place(() => Directory.Move(unfinished, data.Root));
            DurableFolder.FlushParent(data.Root);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(data.Root, e, unfinished);
        }
    }
}
