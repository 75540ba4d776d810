using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using Xunit;

namespace VideoSim.Models.Tests;

/// <summary>A committed output of an independent implementation; see tests/Golden/README.md.</summary>
internal sealed unsafe class GoldenFile(string name) : IDisposable
{
    private readonly SafetensorsReader _reader = SafetensorsReader.Open(Path.Combine(AppContext.BaseDirectory, "Golden", name));

    /// <summary>A fact about the file, as its script wrote it.</summary>
    public string Text(string key) => _reader.Metadata[key];

    public int Size(string key) => int.Parse(_reader.Metadata[key], System.Globalization.CultureInfo.InvariantCulture);

    public bool Has(string tensor) => _reader.TryFind(tensor) is not null;

    public double[] Doubles(string tensor) => Read<double>(tensor);

    public int[] Ints(string tensor) => Read<int>(tensor);

    /// <summary>Loads every weight and running statistic that the model has.</summary>
    public void LoadInto(Device device, ParameterStore parameters)
    {
        foreach (var (part, value) in parameters.Parts().Select(part => (part.Name, part.Value)).Concat(parameters.StateParts()))
        {
            float[] values = Array.ConvertAll(Doubles(part), element => (float)element);
            Assert.Equal(value.Shape.Count, values.Length);
            device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), value.Address);
        }
    }

    /// <summary>Sizes of the encoder, without dropout.</summary>
    public EncoderConfig Encoder(string type = EncoderConfig.Bert) => new()
    {
        ModelType = type,
        VocabSize = Size("vocabulary"),
        HiddenSize = Size("encoder_width"),
        NumHiddenLayers = Size("layers"),
        NumAttentionHeads = Size("heads"),
        IntermediateSize = Size("feed_forward"),
        MaxPositionEmbeddings = Size("positions"),
        TypeVocabSize = Size("token_types"),
        HiddenDropoutProb = 0,
        AttentionProbsDropoutProb = 0,
    };

    /// <summary>The batch of the file; pairs and masked tokens where the file has them.</summary>
    public BatchBlock Batch(Device device, ModelConfig config)
    {
        int[] counts = Ints("input.frame_counts");
        int pairs = Has("input.similarities") ? counts.Length / 2 : 0, masked = Has("input.masked_labels") ? TokenMasker.Candidates(counts.Length, config.TextLength) : 0;
        var block = new BatchBlock(device, new BatchShape(counts.Length, pairs, config.TextLength, config.Frames, config.FrameWidth, config.Tags, masked));
        Ints("input.token_ids").CopyTo(new Span<int>(block.TokenIds.Ints, block.Shape.Tokens));
        Ints("input.attention_mask").CopyTo(new Span<int>(block.AttentionMask.Ints, block.Shape.Tokens));
        counts.CopyTo(new Span<int>(block.FrameCounts.Ints, counts.Length));
        Array.ConvertAll(Doubles("input.frames"), value => (Half)value).CopyTo(new Span<Half>(block.Frames.Halves, (int)block.Frames.Shape.Count));
        new Span<int>(block.Labels.Ints, (int)block.Labels.Shape.Count).Clear();
        if (Has("input.labels"))
        {
            int[] labels = Ints("input.labels");
            for (int i = 0; i < labels.Length; i++)
                block.Labels.Ints[i / config.Tags * block.Shape.LabelWords + i % config.Tags / 32] |= labels[i] << (i % config.Tags % 32);
        }
        if (pairs > 0)
            Array.ConvertAll(Doubles("input.similarities"), value => (float)value).CopyTo(new Span<float>(block.Similarities.Floats, pairs));
        if (masked > 0)
            FillMasked(block);
        *block.Scalars = default;
        block.Tokens.Sort(new int[config.Encoder.VocabSize]);
        return block;
    }

    // The file has a label for every position, -100 where nothing is masked.
    private void FillMasked(BatchBlock block)
    {
        int[] labels = Ints("input.masked_labels"), positions = [.. Enumerable.Range(0, labels.Length).Where(at => labels[at] >= 0)];
        *block.MaskedCount.Ints = positions.Length;
        for (int row = 0; row < block.Shape.MaskedCapacity; row++)
        {
            bool used = row < positions.Length;
            block.MaskedPositions.Ints[row] = used ? positions[row] : block.Shape.Tokens;
            block.MaskedTargets.Ints[row] = used ? labels[positions[row]] : 0;
            block.MaskedWeights.Floats[row] = used ? 1f / positions.Length : 0;
        }
    }

    /// <summary>
    /// Compares a tensor with its reference in float64. fp32 rounding may grow along the longest path: some 60
    /// operations whose reductions have up to 100 terms, so 60 * sqrt(100) * 2^-24 of the tensor's largest entry.
    /// </summary>
    public void AssertEqual(string reference, Device device, Tensor tensor, double floor = 0)
    {
        float[] actual = new float[tensor.Shape.Count];
        device.Download(tensor.Address, MemoryMarshal.AsBytes(actual.AsSpan()));
        AssertEqual(reference, actual, Doubles(reference), floor);
    }

    /// <summary>Compares the gradients of all parameters.</summary>
    public void AssertGradients(Device device, ParameterStore parameters)
    {
        foreach (var (name, _, gradient, _) in parameters.Parts())
        {
            // The key bias has no gradient at all: both sides show rounding, so it is held to the query bias's scale.
            string scale = name.Replace("key.bias", "query.bias", StringComparison.Ordinal);
            AssertEqual($"grad.{name}", device, gradient, Doubles($"grad.{scale}").Max(Math.Abs));
        }
    }

    public static void AssertEqual(string what, float[] actual, double[] expected, double floor = 0)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = Math.Max(floor, expected.Max(Math.Abs)), bound = 60 * Math.Sqrt(100) * Math.Pow(2, -24) * largest;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]);
            Assert.True(error <= bound, $"{what}[{i}] is {actual[i]}, expected {expected[i]}: off by {error:G3}, bound {bound:G3}");
        }
    }

    public void Dispose() => _reader.Dispose();

    private T[] Read<T>(string tensor) where T : unmanaged
    {
        var entry = _reader.TryFind(tensor);
        Assert.True(entry is not null, $"{name} has no tensor {tensor}");
        var values = new T[entry.ElementCount];
        _reader.ReadBytes(entry, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
