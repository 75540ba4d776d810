using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Records;
using VideoSim.Models.Text;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// One step laid open, for comparison with another implementation: the batch, the embeddings, every loss term and the
/// gradient of every parameter, with dropout off and batch statistics as in training. Names: docs/tensor-names.md.
/// </summary>
public static unsafe class StepDump
{
    /// <summary>Runs one step with the model's published losses and writes a safetensors file.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="checkpoint">A model folder.</param>
    /// <param name="records">TFRecord files.</param>
    /// <param name="labels">A label file for a batch of pairs, or null for a batch of single videos.</param>
    /// <param name="size">Videos or pairs of the batch, the first ones of the files.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="dictionary">See <see cref="ModelFolder.Open"/>.</param>
    public static void Write(Device device, string checkpoint, IReadOnlyList<string> records, string? labels, int size, string output, JiebaDictionary? dictionary = null)
    {
        var folder = ModelFolder.Open(checkpoint, dictionary);
        var config = WithoutDropout(folder.Configuration);
        var index = RecordIndex.Build(records, config.FrameWidth);
        var pairs = labels is null ? [] : LabelFile.Read(labels, index.TryFind);
        int available = labels is null ? index.Count : pairs.Length;
        if (available < size)
            throw new DataException($"a batch of {size} was asked for; there are {available}");
        var model = folder.Load(device, training: true, config);
        using var parameters = model.Parameters;
        bool masks = labels is null && model.MasksTokens;
        int maskedRows = masks ? TokenMasker.Candidates(size, config.TextLength) : 0;
        var shape = new BatchShape(labels is null ? size : 2 * size, labels is null ? 0 : size, config.TextLength, config.Frames, config.FrameWidth, config.Tags, maskedRows);
        using var input = new BatchBlock(device, shape);
        using var assembler = new BatchAssembler(index, folder.Tokenizer, folder.Tags, folder.Configuration.EvenFrames);
        assembler.FillFirst(input, pairs, masks ? new TokenMasker(folder.Tokenizer.Vocabulary, seed: 0) : null, step: 0);
        var published = Preset.Load("reference", config.Model, []);
        using var step = new Step<StepOutputs>(device, new StepMode(Training: true), input.Scalars, tape =>
        {
            var outputs = labels is null ? model.PretrainingLoss(tape, input, published.Pretrain.Losses, maskedRows)
                : model.FinetuningLoss(tape, input, published.Finetune.Losses);
            tape.RunBackward();
            return outputs;
        });
        step.Run();
        AtomicFile.Write(output, stream => Collect(device, input, step.Result, parameters).WriteTo(stream));
    }

    private static ModelConfig WithoutDropout(ModelConfig config) => config with
    {
        VladDropout = 0,
        FusionDropout = 0,
        Encoder = config.Encoder with { HiddenDropoutProb = 0, AttentionProbsDropoutProb = 0 },
    };

    private static SafetensorsWriter Collect(Device device, BatchBlock input, StepOutputs outputs, ParameterStore parameters)
    {
        var writer = new SafetensorsWriter();
        Add("input.token_ids", input.TokenIds);
        Add("input.attention_mask", input.AttentionMask);
        Add("input.frames", input.Frames);
        Add("input.frame_counts", input.FrameCounts);
        Add("input.label_bits", input.Labels);
        if (input.Shape.Pairs > 0)
        {
            Add("input.similarities", input.Similarities);
            Add("cosine", outputs.Cosines);
        }
        if (input.Shape.MaskedCapacity > 0)
        {
            Add("input.masked_positions", input.MaskedPositions);
            Add("input.masked_targets", input.MaskedTargets);
            Add("input.masked_weights", input.MaskedWeights);
        }
        Add("embedding", outputs.Embedding);
        for (int i = 0; i < outputs.Terms.Terms.Count; i++)
        {
            Add($"loss.{outputs.Terms.Terms[i].Name}", outputs.Terms[i]);
            writer.AddMetadata($"weight.{outputs.Terms.Terms[i].Name}", outputs.Terms.Terms[i].Weight.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
        }
        foreach (var (name, _, gradient, _) in parameters.Parts())
            Add($"grad.{name}", gradient);
        foreach (var (name, value) in parameters.StateParts())
            Add($"after.{name}", value);
        return writer;

        void Add(string name, Engine.Tensors.Tensor tensor) => WeightFile.Add(writer, device, name, tensor);
    }
}
