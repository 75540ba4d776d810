using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Encoders;
using VideoSim.Models.Pretrained;
using Xunit;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>What an encoder from a published file makes of a batch, against an independent encoder in PyTorch.</summary>
public sealed unsafe class HiddenStatesTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData("bert", "plain.safetensors")]
    [InlineData("bert", "zip.bin")]
    [InlineData("bert", "aliased.bin")]
    [InlineData("roformer", "plain.safetensors")]
    [InlineData("roformer", "zip.bin")]
    [InlineData("roformer", "legacy.bin")]
    [InlineData("bert", "keras.h5")]
    [InlineData("roformer", "keras.h5")]
    public void Encode_PublishedWeights_HasTheOraclesHiddenStates(string kind, string file)
    {
        using var files = new TestFolder(kind);
        using var folder = files.OpenWith(file);
        Check(folder);
    }

    /// <summary>Compares the hidden states, and BERT's pooler, with the golden ones of the folder's kind.</summary>
    private static void Check(PretrainedFolder folder)
    {
        var config = folder.Encoder with { HiddenDropoutProb = 0, AttentionProbsDropoutProb = 0 };
        using var golden = SafetensorsReader.Open(PublishedFiles.PathOf($"{config.ModelType}/golden.safetensors"));
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        var encoder = new TextEncoder(store, group: 0, config, positions: 7);
        var pooler = config.ModelType == EncoderConfig.Bert ? new Dense(store, "bert.pooler.dense", config.HiddenSize, config.HiddenSize, Initializers.Zeros) : null;
        store.Allocate(device, training: false);
        folder.LoadInto(store);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena);

        int[] ids = Ints("input.token_ids"), sorted = [.. Enumerable.Range(0, ids.Length).OrderBy(i => ids[i])];
        int[] starts = [.. Enumerable.Range(0, ids.Length).Where(i => i == 0 || ids[sorted[i]] != ids[sorted[i - 1]])];
        var tokens = new IndexBatch(Integers(ids).Reshape(new Shape(3, 7)), Integers(sorted), Integers([.. starts.Select(i => ids[sorted[i]])]),
            Integers([.. starts, ids.Length]), Integers([starts.Length]));
        var hidden = encoder.Encode(tape, encoder.Embed(tape, tokens), Integers(Ints("input.attention_mask")).Reshape(new Shape(3, 7)));
        AssertNear("output.hidden", hidden);
        if (pooler is not null)
            AssertNear("output.pooler", Activation.Forward(tape, pooler.Forward(tape, SelectPosition.Forward(tape, hidden, 0)), ActivationKind.Tanh));

        int[] Ints(string name)
        {
            var entry = golden.TryFind(name)!;
            int[] values = new int[entry.ElementCount];
            golden.ReadBytes(entry, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        Tensor Integers(int[] values)
        {
            var tensor = tape.Scratch(new Shape(values.Length), ElementType.Int32);
            values.CopyTo(new Span<int>(tensor.Ints, values.Length));
            return tensor;
        }

        void AssertNear(string name, Tensor actual)
        {
            double[] expected = new double[actual.Shape.Count];
            golden.ReadBytes(golden.TryFind(name)!, System.Runtime.InteropServices.MemoryMarshal.AsBytes(expected.AsSpan()));
            for (int i = 0; i < expected.Length; i++)
                Assert.InRange(actual.Floats[i], expected[i] - Tolerance, expected[i] + Tolerance);
        }
    }
}
