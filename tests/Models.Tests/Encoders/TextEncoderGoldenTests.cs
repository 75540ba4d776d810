using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Encoders;
using Xunit;

namespace VideoSim.Models.Tests.Encoders;

/// <summary>Both encoders against an independent implementation in PyTorch, float64: hidden states and every gradient.</summary>
public sealed unsafe class TextEncoderGoldenTests
{
    // A title through BERT and its pooler; the padded positions have hidden states and upstream gradients, too.
    [Fact]
    public void Encode_Bert_HasTheOraclesHiddenStatesAndGradients()
    {
        using var world = new World("bert_encoder", EncoderConfig.Bert, "text_positions");
        var hidden = world.Encoder.Encode(world.Tape, world.Embed(), world.Integers("attention_mask", 3, 7));
        var pooled = Activation.Forward(world.Tape, world.Pooler!.Forward(world.Tape, SelectPosition.Forward(world.Tape, hidden, 0)), ActivationKind.Tanh);
        world.Golden.AssertEqual("output.hidden", world.Device, hidden);
        world.Golden.AssertEqual("output.pooler", world.Device, pooled);

        world.Fill(world.Tape.GradientToWrite(hidden, out _), "upstream.hidden");
        world.Fill(world.Tape.GradientToWrite(pooled, out _), "upstream.pooler");
        world.Tape.RunBackward();
        world.AssertGradients();
    }

    // A title, and a longer sequence that comes embedded: positions count from 0 in both, each has a mask of its own.
    [Fact]
    public void Encode_RoFormer_HasTheOraclesHiddenStatesAndGradients()
    {
        using var world = new World("roformer_encoder", EncoderConfig.RoFormer, "joined_positions");
        var hidden = world.Encoder.Encode(world.Tape, world.Embed(), world.Integers("attention_mask", 3, 7));
        var embedded = world.Tape.Result(new Shape(3, 11, 18), differentiable: true);
        world.Fill(embedded, "input.joined");
        var joined = world.Encoder.Encode(world.Tape, embedded, world.Integers("joined_mask", 3, 11));
        world.Golden.AssertEqual("output.hidden", world.Device, hidden);
        world.Golden.AssertEqual("output.joined", world.Device, joined);

        world.Fill(world.Tape.GradientToWrite(hidden, out _), "upstream.hidden");
        world.Fill(world.Tape.GradientToWrite(joined, out _), "upstream.joined");
        world.Tape.RunBackward();
        world.Golden.AssertEqual("grad.input.joined", world.Device, world.Tape.GradientOf(embedded));
        world.AssertGradients();
    }

    private sealed class World : IDisposable
    {
        private readonly ParameterStore _store = new();
        private readonly Arena _arena;

        public World(string block, string kind, string positions)
        {
            Golden = new GoldenFile($"blocks/{block}.safetensors");
            Encoder = new TextEncoder(_store, group: 0, new EncoderConfig
            {
                ModelType = kind,
                VocabSize = Golden.Size("vocabulary"),
                HiddenSize = Golden.Size("width"),
                NumHiddenLayers = Golden.Size("layers"),
                NumAttentionHeads = Golden.Size("heads"),
                IntermediateSize = Golden.Size("feed_forward"),
                MaxPositionEmbeddings = Golden.Size("positions"),
                HiddenDropoutProb = 0,
                AttentionProbsDropoutProb = 0,
            }, Golden.Size(positions));
            if (kind == EncoderConfig.Bert)
                Pooler = new Dense(_store, "bert.pooler.dense", Golden.Size("width"), Golden.Size("width"), Initializers.Zeros);
            _store.Allocate(Device, training: true);
            _store.Initialize(seed: 1);
            Golden.LoadInto(Device, _store);
            _arena = new Arena(Device, 8 << 20);
            Tape = new Tape(Device.Stream, _arena) { Mode = new(Training: true) };
        }

        public GoldenFile Golden { get; }

        public CpuDevice Device { get; } = new(threads: 2);

        public TextEncoder Encoder { get; }

        public Dense? Pooler { get; }

        public Tape Tape { get; }

        public void AssertGradients() => Golden.AssertGradients(Device, _store);

        public Tensor Embed()
        {
            int b = Golden.Size("batch"), t = Golden.Size("text_positions");
            var ids = Integers("token_ids", b, t);
            int[] sorted = Enumerable.Range(0, b * t).OrderBy(i => ids.Ints[i]).ToArray(); // stable
            int[] starts = [.. Enumerable.Range(0, b * t).Where(i => i == 0 || ids.Ints[sorted[i]] != ids.Ints[sorted[i - 1]])];
            return Encoder.Embed(Tape, new IndexBatch(ids, Integers(sorted), Integers([.. starts.Select(i => ids.Ints[sorted[i]])]),
                Integers([.. starts, b * t]), Integers([starts.Length])));
        }

        public Tensor Integers(string name, int rows, int columns) => Integers(Golden.Ints($"input.{name}")).Reshape(new Shape(rows, columns));

        public void Fill(Tensor tensor, string name)
        {
            float[] values = Array.ConvertAll(Golden.Doubles(name), static value => (float)value);
            values.CopyTo(new Span<float>(tensor.Floats, (int)tensor.Shape.Count));
        }

        public void Dispose()
        {
            Tape.Dispose();
            _arena.Dispose();
            _store.Dispose();
            Device.Dispose();
            Golden.Dispose();
        }

        private Tensor Integers(int[] values)
        {
            var tensor = Tape.Scratch(new Shape(values.Length), ElementType.Int32);
            values.CopyTo(new Span<int>(tensor.Ints, values.Length));
            return tensor;
        }
    }
}
