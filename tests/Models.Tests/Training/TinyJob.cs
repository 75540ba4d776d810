using VideoSim.Engine.Devices;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Records;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;

namespace VideoSim.Models.Tests.Training;

/// <summary>A stage of training put together by hand, so that a test can reach into its batches.</summary>
internal sealed class TinyJob : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly Device _device;
    private readonly Device? _owned;
    private readonly IVideoModel _model;
    private readonly Preset _preset;
    private readonly ITokenizer _tokenizer;
    private readonly TagList _tags;
    private readonly VideoPair[] _pairs;
    private readonly TokenMasker? _masker;

    internal TinyJob(int threads, params string[] overrides) : this("mix", threads, overrides)
    {
    }

    internal TinyJob(string model, int threads, params string[] overrides) : this(model, new CpuDevice(threads), overrides) => _owned = _device;

    /// <summary>The caller disposes of the device.</summary>
    internal TinyJob(string model, Device device, params string[] overrides)
    {
        TinyData.Write(_root);
        var data = new DataFolder(_root);
        var vocabulary = Vocabulary.Load(data.Vocabulary);
        _tags = TagList.Read(data.TagList);
        _preset = Preset.Load("micro", model, [.. TinyData.Overrides, .. overrides]).For(vocabulary.Count, _tags.ClassCount);
        _tokenizer = TokenizerFactory.Create(_preset.Model, vocabulary, dictionary: null);
        _device = device;
        _model = ModelZoo.Create(_preset.Model);
        _model.Parameters.Allocate(_device, training: true);
        Index = RecordIndex.Build([data.Pairwise], TinyData.FrameWidth);
        _pairs = LabelFile.Read(data.Labels, Index.TryFind);
        Assembler = new BatchAssembler(Index, _tokenizer, _tags, evenFrames: false);
        _masker = Stage(pairs: false).Shape.MaskedCapacity > 0 ? new TokenMasker(vocabulary, seed: 1) : null;
    }

    internal RecordIndex Index { get; }

    internal BatchAssembler Assembler { get; }

    internal string Output => Path.Combine(_root, "run");

    internal BatchShape Shape(bool pairs) => Stage(pairs).Shape;

    internal TrainingStage Stage(bool pairs) =>
        pairs ? _model.Finetuning(_preset.Finetune.Batch, _preset.Finetune.Losses) : _model.Pretraining(_preset.Pretrain.Batch, _preset.Pretrain.Losses);

    /// <summary>The batch of that number, the same as often as it comes.</summary>
    internal void Fill(long number, params BatchBlock[] parts)
    {
        var shape = parts[0].Shape;
        int count = parts.Length * (shape.Pairs > 0 ? shape.Pairs : shape.Videos);
        Span<int> order = stackalloc int[count];
        for (int i = 0; i < count; i++)
            order[i] = (int)((number * count + i) % TinyData.PairVideos);
        if (shape.Pairs > 0)
            Assembler.FillPairs(order, _pairs, parts);
        else
            Assembler.Fill(order, parts, _masker, number);
    }

    internal void Train(bool pairs, Action<long, BatchBlock[]> fill, IProgressSink progress, TrainingStage? stage = null, Func<double>? validate = null, bool startIsTrained = true,
        Func<int, TrainingDraws>? draws = null, Func<ValidationScore>? score = null, CancellationTokenSource? stop = null, bool eager = false)
    {
        var config = pairs ? _preset.Finetune : _preset.Pretrain;
        using var folder = RunFolder.Open(Output, TinyRun.Arguments());
        folder.Begin([], progress);
        using var trainer = new Trainer(_device, new TrainingJob
        {
            Label = "job",
            Model = _model,
            StartWeights = () => _model.Parameters.Initialize(1),
            StartIsTrained = startIsTrained,
            Config = config,
            Eager = eager,
            Epsilon = 1e-8,
            Stage = stage ?? Stage(pairs),
            Draws = draws ?? (_ => new TrainingDraws(1, [fill])),
            Validate = score ?? (() => new ValidationScore(validate?.Invoke() ?? 0, Pairs: 5, Tags: null)),
            WriteModel = (target, state) => ModelFolder.Write(target, _device, _model, _preset.Model, _tokenizer, _tags,
                new ModelCard { Stage = "job", Preset = "micro", Seed = 1, Recipe = config, Inputs = [], Progress = state }),
        }, folder, progress);
        trainer.Run(stop?.Token ?? CancellationToken.None);
    }

    public void Dispose()
    {
        Assembler.Dispose();
        _model.Parameters.Dispose();
        _owned?.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
