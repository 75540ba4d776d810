using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;
using VideoSim.Models.Training;

namespace VideoSim.Models.Inspection;

/// <summary>Options of a step dump.</summary>
public sealed record StepDumpOptions
{
    /// <summary>A model folder.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Files of videos. Their first videos or pairs are the batch; not used with <see cref="At"/>.</summary>
    public IReadOnlyList<string> Records { get; init; } = [];

    /// <summary>A label file for a batch of pairs, or null for a batch of single videos.</summary>
    public string? Labels { get; init; }

    /// <summary>Videos or pairs of the batch.</summary>
    public int Batch { get; init; }

    /// <summary>
    /// Step of the model's run, counted from 1: the batch is that of this step, from the run's own data. Null for the
    /// first records.
    /// </summary>
    public long? At { get; init; }

    /// <summary>Values that replace those of the recipes.</summary>
    public IReadOnlyList<Override> Overrides { get; init; } = [];

    /// <summary>See <see cref="ModelFolder.Open"/>.</summary>
    public JiebaDictionary? Dictionary { get; init; }
}

/// <summary>
/// Writes all values of one step, for comparison with another implementation: the batch, intermediate values, the
/// embeddings, every loss term and the gradient of every parameter. Dropout is off; batch statistics are computed as
/// in training. Names: docs/tensor-names.md.
/// </summary>
public static class StepDump
{
    /// <summary>
    /// Runs one step and writes a safetensors file. The losses are those of the model's run if it trained this stage,
    /// otherwise the published ones.
    /// </summary>
    /// <param name="device">Device to run on.</param>
    /// <param name="options">The options.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="progress">Receives notes; null for none.</param>
    /// <exception cref="DataException">An input is missing or bad; the message names it.</exception>
    public static void Write(Device device, StepDumpOptions options, string output, IProgressSink? progress = null)
    {
        var folder = UsableModel.Open(options.Checkpoint, options.Dictionary, progress ?? IProgressSink.None);
        var config = WithoutDropout(folder.Configuration);
        var run = RunArguments.Find(folder.FolderPath);
        run?.RequireRecipes(folder);
        var recipes = Preset.LoadFor("reference", folder.Configuration, folder.FolderPath, options.Overrides, run?.All);
        bool pretraining = options.At is null ? options.Labels is null
            : (run ?? throw new DataException($"--at needs a model in the folder of its run; there is no {RunFolder.Arguments} beside {folder.FolderPath}")).Get<string>("command") == "pretrain";
        var training = pretraining ? recipes.Pretrain : recipes.Finetune;
        var batch = options.At is { } at ? StepBatch.OfRun(run!, folder, training, at) : StepBatch.First(options.Records, options.Labels, options.Batch, folder);
        training = training with { Batch = batch.Order.Length };
        var model = folder.Load(device, training: true, config);
        using var parameters = model.Parameters;
        var stage = pretraining ? model.Pretraining(training.Batch, training.Losses) : model.Finetuning(training.Batch, training.Losses);
        using var input = new BatchBlock(device, stage.Shape);
        using var assembler = new BatchAssembler(batch.Dataset, folder.Tokenizer, folder.Tags, config.EvenFrames);
        assembler.FillOnce(input, batch.Order, batch.Pairs, stage.Shape.MaskedCapacity > 0 ? new TokenMasker(folder.Tokenizer.Vocabulary, batch.MaskSeed) : null, batch.Number);
        List<(string Name, Tensor Value)> notes = [];
        using var step = TrainingStep.Build(device, parameters, optimizer: null, input, tape =>
        {
            tape.Notes = notes = [];
            return stage.Variants[^1].Losses(tape, input); // room for any batch
        }, keepsValues: true);
        step.Run();
        AtomicFile.Write(output, stream => Collect(device, input, step.Losses, notes, parameters).WriteTo(stream));
    }

    private static ModelConfig WithoutDropout(ModelConfig config) => config with
    {
        VladDropout = 0,
        FusionDropout = 0,
        Encoder = config.Encoder with { HiddenDropoutProb = 0, AttentionProbsDropoutProb = 0 },
    };

    private static SafetensorsWriter Collect(Device device, BatchBlock input, LossTerms losses, List<(string Name, Tensor Value)> notes, ParameterStore parameters)
    {
        var writer = new SafetensorsWriter();
        Add("input.token_ids", input.TokenIds);
        Add("input.attention_mask", input.AttentionMask);
        Add("input.frames", input.Frames);
        Add("input.frame_counts", input.FrameCounts);
        Add("input.label_bits", input.Labels);
        if (input.Shape.Pairs > 0)
            Add("input.similarities", input.Similarities);
        if (input.Shape.MaskedCapacity > 0)
        {
            Add("input.masked_positions", input.MaskedPositions);
            Add("input.masked_targets", input.MaskedTargets);
            Add("input.masked_weights", input.MaskedWeights);
        }
        foreach (var (name, value) in notes)
            Add(name is "embedding" or "cosine" ? name : $"value.{name}", value);
        foreach (var term in losses.Terms)
        {
            Add($"loss.{term.Name}", term.Value);
            writer.AddMetadata($"weight.{term.Name}", term.Weight.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
        }
        foreach (var (name, _, gradient, _) in parameters.Parts())
            Add($"grad.{name}", gradient);
        foreach (var (name, value) in parameters.StateParts())
            Add($"after.{name}", value);
        return writer;

        void Add(string name, Tensor tensor) => WeightFile.Add(writer, device, name, tensor);
    }
}
