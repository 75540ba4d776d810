using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Models.Configuration;
using VideoSim.Models.Encoders;
using Xunit;

namespace VideoSim.Models.Tests.Encoders;

/// <summary>The encoder for readers of the first position alone against the plain form: all positions, then the first taken.</summary>
public sealed unsafe class FirstPositionTests
{
    private const int Batch = 3, Width = 24, FeedForward = 40;

    // Sums over a batch's positions (21 terms) and rows of up to 72 columns, through 3 layers there and back: the two forms
    // order some of them differently. That is worth 7 roundings of the largest entry here; another processor may order them otherwise.
    private const double Bound = 64.0 / (1 << 24);

    [Theory]
    [InlineData(3, 7, 0f, EncoderConfig.Bert)]
    [InlineData(3, 7, 0.3f, EncoderConfig.Bert)]
    [InlineData(3, 7, 0.3f, EncoderConfig.RoFormer)]
    [InlineData(1, 7, 0.3f, EncoderConfig.Bert)]
    [InlineData(2, 1, 0.3f, EncoderConfig.Bert)]
    public void EncodeFirst_AnyDropout_EqualsThePlainFormAndItsGradients(int layers, int length, float drop, string kind)
    {
        var plain = Run(layers, length, drop, kind, static (encoder, tape, x, mask) => SelectPosition.Forward(tape, encoder.Encode(tape, x, mask), 0));
        var rewritten = Run(layers, length, drop, kind, static (encoder, tape, x, mask) => encoder.EncodeFirst(tape, x, mask));
        Assert.Equal(plain.Keys, rewritten.Keys);
        foreach (var (name, expected) in plain)
        {
            // The key bias has no gradient at all: both show rounding, so it is held to the query bias's scale.
            double largest = plain[name.Replace("key.bias", "query.bias", StringComparison.Ordinal)].Max(MathF.Abs);
            for (int i = 0; i < expected.Length; i++)
            {
                double error = Math.Abs(expected[i] - rewritten[name][i]);
                Assert.True(error <= Bound * largest, $"{name}[{i}] is {rewritten[name][i]:R}, the plain form says {expected[i]:R}: off by {error / largest * (1 << 24):F1} roundings");
            }
        }
    }

    // Of the last layer's products only keys and values, 2 of 12 C^2 with a feed-forward of 4 C, see all positions.
    [Fact]
    public void EncodeFirst_Counted_SavesTheOtherPositionsOfTheLastLayer()
    {
        const int layers = 12, length = 32, width = 768, batch = 8;
        var (plain, rewritten) = (Count(first: false), Count(first: true));
        double perRow = 2.0 * width * (width + width + 8 * width); // query, output, feed-forward
        double saved = 3 * batch * (length - 1) * perRow; // forward, and the gradients of both factors
        Assert.Equal(saved, plain.MatMuls.Flops - rewritten.MatMuls.Flops);
        Assert.InRange(1 - rewritten.Total.Flops / plain.Total.Flops, 0.065, 0.07);

        static CountingStream Count(bool first)
        {
            using var device = new CountingDevice();
            using var store = new ParameterStore();
            var encoder = new TextEncoder(store, 0, new EncoderConfig
            {
                VocabSize = 10, HiddenSize = width, NumHiddenLayers = layers, NumAttentionHeads = 12, IntermediateSize = 4 * width,
            }, length);
            store.Allocate(device, training: true);
            using var arena = new Arena(device, long.MaxValue / 2);
            using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
            Tensor x = tape.Result(new Shape(batch, length, width), differentiable: true), mask = tape.Scratch(new Shape(batch, length), ElementType.Int32);
            var y = first ? encoder.EncodeFirst(tape, x, mask) : SelectPosition.Forward(tape, encoder.Encode(tape, x, mask), 0);
            tape.GradientToWrite(y, out _);
            tape.RunBackward();
            return (CountingStream)device.Stream;
        }
    }

    // Output, gradient of the embedded sequence and of every weight, by name.
    private static SortedDictionary<string, float[]> Run(int layers, int length, float drop, string kind, Func<TextEncoder, Tape, Tensor, Tensor, Tensor> encode)
    {
        using var device = new CpuDevice(threads: 2);
        using var store = new ParameterStore();
        var encoder = new TextEncoder(store, 0, new EncoderConfig
        {
            ModelType = kind, VocabSize = 10, HiddenSize = Width, NumHiddenLayers = layers, NumAttentionHeads = 2, IntermediateSize = FeedForward,
            MaxPositionEmbeddings = length, InitializerRange = 0.2, HiddenDropoutProb = drop, AttentionProbsDropoutProb = drop,
        }, length);
        store.Allocate(device, training: true);
        store.Initialize(seed: 4);
        using var arena = new Arena(device, 8 << 20);
        var scalars = new StepScalars { Step = 6 };
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true, 5), Scalars = &scalars };
        Tensor x = tape.Result(new Shape(Batch, length, Width), differentiable: true), mask = tape.Scratch(new Shape(Batch, length), ElementType.Int32);
        Fill(x, site: 1);
        for (int i = 0; i < Batch * length; i++)
            mask.Ints[i] = i % length < length - 2 * (i / length) || i % length == 0 ? 1 : 0; // texts of several lengths
        var y = encode(encoder, tape, x, mask);
        Fill(tape.GradientToWrite(y, out _), site: 2);
        tape.RunBackward();
        var results = new SortedDictionary<string, float[]>(StringComparer.Ordinal) { ["output"] = Values(y), ["embedded"] = Values(tape.GradientOf(x)) };
        foreach (var (name, _, gradient, _) in store.Parts().Where(static part => part.Name.Contains(".encoder.", StringComparison.Ordinal)))
            results.Add(name, Values(gradient));
        return results;

        static void Fill(Tensor tensor, uint site)
        {
            for (int i = 0; i < tensor.Shape.Count; i++)
                tensor.Floats[i] = (float)(2 * Philox.Uniform(1, 0, site, i) - 1);
        }

        static float[] Values(Tensor tensor) => new Span<float>(tensor.Floats, (int)tensor.Shape.Count).ToArray();
    }
}
