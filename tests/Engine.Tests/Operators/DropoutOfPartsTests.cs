using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

/// <summary>Every operator with dropout drops in a part of a batch what it drops in the whole batch.</summary>
public sealed unsafe class DropoutOfPartsTests
{
    private const int Parts = 3, Sides = 2, Samples = 2; // of a side of a part
    private const float DropProbability = 0.4f;

    // An operator on samples that are all alike: results of samples differ by dropout alone. Each returns [stack,
    // samples, elements of a sample].
    private static readonly Dictionary<string, (int Stack, Func<Tape, int, Tensor> Forward)> Operators = new()
    {
        ["dropout"] = (1, static (tape, samples) => Dropout.Forward(tape, Filled(tape, new Shape(samples, 7), 7), site: 1, DropProbability)),
        ["norm of every third row"] = (1, static (tape, samples) => ResidualNorm.Forward(tape, Filled(tape, new Shape(samples, 9), 9), xBias: default, residual: default,
            Filled(tape, new Shape(9), 9), Filled(tape, new Shape(9), 9), epsilon: 1e-5f, site: 2, DropProbability, rowStep: 3)),
        ["attention"] = (1, static (tape, samples) => Attention.Forward(tape, Filled(tape, new Shape(samples, 5, 18), 90), Options(tape, samples))),
        ["attention of the first position"] = (1, static (tape, samples) =>
            Attention.Forward(tape, Filled(tape, new Shape(samples, 1, 6), 6), Filled(tape, new Shape(samples, 5, 12), 60), Options(tape, samples))),
        ["concat"] = (3, static (tape, samples) => ConcatDropout.Forward(tape, Filled(tape, new Shape(3, samples, 4), 4), Filled(tape, new Shape(samples, 5), 5), site: 3, DropProbability)),
        ["aggregation"] = (2, static (tape, samples) => VladAggregation.Forward(tape, Filled(tape, new Shape(2, samples * 3, 10), 30), Norm(tape, Filled(tape, new Shape(2, samples * 3, 6), 18)),
            Filled(tape, new Shape(2, samples * 3, 2), 6), Filled(tape, new Shape(2, 5, 3), 30), samples, groups: 2, clusters: 3, site: 4, DropProbability)),
    };

    public static TheoryData<string> Names => [.. Operators.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_OfAPart_DropsWhatTheWholeBatchDrops(string name)
    {
        const int PartSamples = Sides * Samples, WholeSamples = Sides * Parts * Samples;
        int stack = Operators[name].Stack;
        float[] whole = Run(name, WholeSamples, new StepMode(Training: true, Seed: 5), part: 0);
        int inner = whole.Length / (stack * WholeSamples);
        for (int part = 0; part < Parts; part++)
        {
            float[] actual = Run(name, PartSamples, new StepMode(Training: true, Seed: 5, Parts: Parts, Sides: Sides), part);
            for (int i = 0; i < actual.Length; i++)
            {
                int e = i / (PartSamples * inner), side = i / (Samples * inner) % Sides, rest = i % (Samples * inner);
                Assert.Equal(whole[((e * Sides + side) * Parts + part) * Samples * inner + rest], actual[i], tolerance: 1e-6f); // statistics round otherwise
            }
        }
        Assert.NotEqual(whole[..inner], whole[inner..(2 * inner)]);
    }

    private static float[] Run(string name, int samples, StepMode mode, int part)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        var scalars = new StepScalars { Step = 9, Part = (uint)part };
        using var tape = new Tape(device.Stream, arena) { Mode = mode, Scalars = &scalars };
        return device.Read<float>(Operators[name].Forward(tape, samples));
    }

    private static AttentionOptions Options(Tape tape, int samples)
    {
        var mask = tape.Scratch(new Shape(samples, 5), ElementType.Int32);
        new Span<int>(mask.Ints, samples * 5).Fill(1);
        return new AttentionOptions(mask, Rotary: default, Heads: 2, Site: 5, DropProbability);
    }

    private static Normalization Norm(Tape tape, in Tensor logits)
    {
        var shape = new Shape(2, 6);
        return BatchNorm.Prepare(tape, logits, Filled(tape, shape, 6), Filled(tape, shape, 6), Filled(tape, shape, 6), Filled(tape, shape, 6), groups: 1, momentum: 0.9f, epsilon: 1e-3f);
    }

    // The same values for every sample. None is 0.
    private static Tensor Filled(Tape tape, Shape shape, int ofSample)
    {
        var tensor = tape.Scratch(shape);
        for (int i = 0; i < shape.Count; i++)
            tensor.Floats[i] = 1 + 0.25f * (i % ofSample % 7);
        return tensor;
    }
}
