using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
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

    // The plain form's head works on all 64 positions, as the reference's does (specification 3.9).
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
        using var step = new Step<StepOutputs>(device, new StepMode(Training: true, Seed: 11), input.Scalars, tape =>
        {
            var outputs = plain ? Plain(model, tape, input, all) : model.PretrainingLoss(tape, input, new LossConfig(), input.Shape.MaskedCapacity);
            tape.RunBackward(outputs.Losses.Terms);
            return outputs;
        });
        step.Run();
        var results = new Dictionary<string, float[]> { ["embedding"] = Read(step.Result.Embedding), ["terms"] = step.Result.Losses.Read(device) };
        foreach (var (name, _, gradient, _) in parameters.Parts())
            results.Add($"grad.{name}", Read(gradient));
        return results;

        float[] Read(Tensor tensor)
        {
            var values = new float[tensor.Shape.Count];
            device.Download(tensor.Address, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
    }

    private static double Flops(Preset preset, bool plain)
    {
        var config = preset.Model;
        int batch = preset.Pretrain.Batch;
        using var device = new CountingDevice();
        var model = new Uniter(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        using var input = new BatchBlock(device, new BatchShape(batch, 0, config.TextLength, config.Frames, config.FrameWidth, config.Tags,
            TokenMasker.Candidates(batch, config.TextLength)));
        using var arena = new Arena(device, long.MaxValue / 2);
        using var tape = new Tape(device.Stream, arena) { Training = true };
        var outputs = plain ? Plain(model, tape, input, new AllPositions(input, arena))
            : model.PretrainingLoss(tape, input, preset.Pretrain.Losses, TokenMasker.PlanRows(batch, config.TextLength)[0]);
        tape.RunBackward(outputs.Losses.Terms);
        return ((CountingStream)device.Stream).Total.Flops;
    }

    private static StepOutputs Plain(Uniter model, Tape tape, BatchBlock batch, AllPositions all)
    {
        var losses = new LossConfig();
        var hidden = model.Encode(tape, batch).Hidden;
        var mapped = model.Map.Forward(tape, hidden);
        var embedding = MeanPool.Forward(tape, mapped.Reshape(new Shape(hidden.Shape[0], hidden.Shape[1], mapped.Shape.Width)));
        var tags = MultiLabelLoss.Forward(tape, model.Tags(tape, embedding), batch.Labels, losses.Focus);
        var tokens = model.Tokens.Loss(tape, mapped, all.Targets, all.Weights);
        return new StepOutputs(embedding, new LossTerms(new("tag", 1, tags), new("mlm", losses.MlmWeight, tokens)), Cosines: default);
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
