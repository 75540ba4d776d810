using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>
/// Uniter's two rewrites against its plain form, which maps every position before it averages and gives every position to
/// the vocabulary head: the same losses and gradients, for less work.
/// </summary>
public sealed unsafe class UniterRewriteTests
{
    [Theory]
    [InlineData("uniter/pretrain", 0f)]
    [InlineData("uniter/pretrain", 0.1f)]
    [InlineData("uniter/pretrain_all_masked_asymmetric", 0.1f)]
    [InlineData("uniter/pretrain_roformer", 0.1f)]
    public void Step_GatheredAndPooledFirst_EqualsThePlainForm(string file, float dropProbability)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        var rewritten = Run(golden, dropProbability, plain: false);
        var plain = Run(golden, dropProbability, plain: true);
        foreach (var (name, values) in plain)
        {
            // A key bias has no gradient but rounding; it is held to the query bias's scale.
            double floor = name.EndsWith("key.bias", StringComparison.Ordinal)
                ? plain[name.Replace("key.bias", "query.bias", StringComparison.Ordinal)].Max(Math.Abs) : 0;
            GoldenFile.AssertEqual(name, rewritten[name], Array.ConvertAll(values, value => (double)value), floor);
        }
        if (dropProbability > 0) // or the comparison would say nothing about dropout
            Assert.NotEqual(Run(golden, 0, plain: false)["embedding"], rewritten["embedding"]);
    }

    // The plain form's head works on all 64 positions, as the reference's (docs/reference-system.md, section 3.9).
    [Theory]
    [InlineData("uniter", 0.144)]
    [InlineData("uniter-roformer", 0.278)]
    public void PretrainingStep_ReferenceSizes_GatherSavesItsShareOfTheWork(string model, double share)
    {
        var preset = Preset.Load("reference", model, []);
        double plain = Flops(preset, plain: true), gathered = Flops(preset, plain: false);
        Assert.True(1 - gathered / plain >= share, $"{model}: {plain / 1e12:F3} TFLOP plain, {gathered / 1e12:F3} gathered, saved {1 - gathered / plain:P2}");
    }

    private static Dictionary<string, float[]> Run(GoldenFile golden, float dropProbability, bool plain)
    {
        using var device = new CpuDevice(2);
        var config = ModelGoldenTests.UniterConfig(golden);
        var model = new Uniter(config with { Encoder = config.Encoder with { HiddenDropoutProb = dropProbability, AttentionProbsDropoutProb = dropProbability } });
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        parameters.Initialize(seed: 1);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        using var arena = new Arena(device, 1 << 20);
        var all = new AllPositions(input, arena);
        all.Fill();
        var variant = model.Pretraining(input.Shape.Videos, new LossConfig()).Variants[^1];
        List<(string Name, Tensor Value)> notes = [];
        using var step = TrainingStep.Build(device, parameters, optimizer: null, input, tape =>
        {
            tape.Notes = notes = [];
            return plain ? Plain(model, tape, input, all) : variant.Losses(tape, input);
        }, seed: 11);
        step.Run();
        var embedding = notes.Single(static note => note.Name == "embedding").Value;
        var results = new Dictionary<string, float[]> { ["embedding"] = device.Read<float>(embedding), ["terms"] = step.Losses.Read(device) };
        foreach (var (name, _, gradient, _) in parameters.Parts())
            results.Add($"grad.{name}", device.Read<float>(gradient));
        return results;
    }

    private static double Flops(Preset preset, bool plain)
    {
        var config = preset.Model;
        int batch = preset.Pretrain.Batch;
        using var device = new CountingDevice();
        var model = new Uniter(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        var stage = model.Pretraining(batch, preset.Pretrain.Losses);
        using var input = new BatchBlock(device, stage.Shape);
        using var arena = new Arena(device, long.MaxValue / 2);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var losses = plain ? Plain(model, tape, input, new AllPositions(input, arena))
            : stage.Variants[0].Losses(tape, input);
        tape.RunBackward(losses.Terms);
        return ((CountingStream)device.Stream).Total.Flops;
    }

    private static LossTerms Plain(Uniter model, Tape tape, BatchBlock batch, AllPositions all)
    {
        var losses = new LossConfig();
        var hidden = model.Encode(tape, batch).Hidden;
        var mapped = model.Map.Forward(tape, hidden);
        var embedding = tape.Note("embedding", MeanPool.Forward(tape, mapped.Reshape(new Shape(hidden.Shape[0], hidden.Shape[1], mapped.Shape.Width))));
        var tags = MultiLabelLoss.Forward(tape, model.Tags(tape, embedding), batch.Labels, losses.Focus);
        var tokens = model.Tokens.Loss(tape, mapped, all.Targets, all.Weights);
        return new LossTerms(new("tag", 1, tags), new("mlm", losses.MlmWeight, tokens));
    }

    /// <summary>A target and a weight for every position of text and frames.</summary>
    private sealed class AllPositions(BatchBlock batch, Arena arena)
    {
        private readonly int _length = batch.Shape.TextLength + batch.Shape.Frames;

        public Tensor Targets { get; } = arena.Allocate(new Shape(batch.Shape.Videos * (batch.Shape.TextLength + batch.Shape.Frames)), ElementType.Int32);

        public Tensor Weights { get; } = arena.Allocate(new Shape(batch.Shape.Videos * (batch.Shape.TextLength + batch.Shape.Frames)));

        public void Fill()
        {
            new Span<int>(Targets.Ints, (int)Targets.Shape.Count).Clear();
            new Span<float>(Weights.Floats, (int)Weights.Shape.Count).Clear();
            for (int row = 0; row < *batch.MaskedCount.Ints; row++)
            {
                var (video, position) = Math.DivRem(batch.MaskedPositions.Ints[row], batch.Shape.TextLength);
                Targets.Ints[video * _length + position] = batch.MaskedTargets.Ints[row];
                Weights.Floats[video * _length + position] = batch.MaskedWeights.Floats[row];
            }
        }
    }
}
