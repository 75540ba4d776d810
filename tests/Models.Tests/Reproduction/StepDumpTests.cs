using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Records;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Tests.Training;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>What <c>inspect --step</c> writes: the tensors that docs/tensor-names.md promises, equal to those of a step built by hand.</summary>
public sealed unsafe class StepDumpTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private const int Size = 5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Write_HoldsTheStepAsDocumented(bool pairs)
    {
        var data = new DataFolder(runs.Data);
        string output = runs.New($"step-{pairs}.safetensors"), checkpoint = Path.Combine(runs.Pretrained, "last");
        using var device = new CpuDevice(2);
        StepDump.Write(device, checkpoint, [data.Pairwise], pairs ? data.Labels : null, Size, output);
        using var file = SafetensorsReader.Open(output);

        // The same step by hand: a model without dropout, the first videos or pairs.
        var folder = ModelFolder.Open(checkpoint);
        var config = folder.Configuration with { VladDropout = 0, FusionDropout = 0 };
        config = config with { Encoder = config.Encoder with { HiddenDropoutProb = 0, AttentionProbsDropoutProb = 0 } };
        var model = folder.Load(device, training: true, config);
        using var parameters = model.Parameters;
        var index = RecordIndex.Build([data.Pairwise], config.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        var labelled = LabelFile.Read(data.Labels, index.TryFind);
        int videos = pairs ? 2 * Size : Size;
        using var input = new BatchBlock(device, new BatchShape(videos, pairs ? Size : 0, config.TextLength, config.Frames, config.FrameWidth, config.Tags));
        using (var assembler = new BatchAssembler(index, folder.Tokenizer, folder.Tags, evenFrames: false))
        {
            int[] order = [.. Enumerable.Range(0, Size)];
            if (pairs)
                assembler.FillPairs(order, labelled, input);
            else
                assembler.Fill(order, input);
        }
        *input.Scalars = default;
        using var step = new Step<StepOutputs>(device, new StepMode(Training: true, Eager: true), input.Scalars, tape =>
        {
            var outputs = pairs ? model.FinetuningLoss(tape, input, new LossConfig()) : model.PretrainingLoss(tape, input, new LossConfig(), maskedRows: 0);
            tape.RunBackward();
            return outputs;
        });
        step.Run();

        var expected = new List<string>();
        Same("input.token_ids", input.TokenIds);
        Same("input.attention_mask", input.AttentionMask);
        Same("input.frames", input.Frames);
        Same("input.frame_counts", input.FrameCounts);
        Same("input.label_bits", input.Labels);
        if (pairs)
        {
            Same("input.similarities", input.Similarities);
            Same("cosine", step.Result.Cosines);
        }
        Same("embedding", step.Result.Embedding);
        string[] terms = pairs ? ["squared_error", "kl", "tag"] : ["tag", "tag_experts", "consistency", "contrastive"];
        for (int i = 0; i < terms.Length; i++)
        {
            Same($"loss.{terms[i]}", step.Result.Terms[i]);
            Assert.Equal(step.Result.Terms.Terms[i].Weight, float.Parse(file.Metadata[$"weight.{terms[i]}"], System.Globalization.CultureInfo.InvariantCulture));
        }
        foreach (var (name, _, gradient, _) in parameters.Parts())
            Same($"grad.{name}", gradient);
        foreach (var (name, value) in parameters.StateParts())
            Same($"after.{name}", value);
        Assert.Equal(expected.Order(StringComparer.Ordinal), file.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));

        void Same(string name, Engine.Tensors.Tensor tensor)
        {
            expected.Add(name);
            var entry = file.TryFind(name);
            Assert.True(entry is not null, $"{name} is missing");
            Assert.Equal(tensor.Shape.ToArray().Select(size => (long)size), entry.Shape);
            var (written, computed) = (new byte[entry.ByteCount], new byte[entry.ByteCount]);
            file.ReadBytes(entry, written);
            device.Download(tensor.Address, computed);
            Assert.True(written.AsSpan().SequenceEqual(computed), $"{name} differs");
            if (entry.Type == SafetensorsType.F32)
                Assert.All(MemoryMarshal.Cast<byte, float>(written).ToArray(), value => Assert.True(float.IsFinite(value), name));
        }
    }

    [Fact]
    public void Write_ChangesNoWeight_AndGivesTheSameFileTwice()
    {
        var data = new DataFolder(runs.Data);
        string checkpoint = Path.Combine(runs.Finetuned, "last"), first = runs.New("first.safetensors"), second = runs.New("second.safetensors");
        byte[] weights = File.ReadAllBytes(Path.Combine(checkpoint, "model.safetensors"));
        using (var device = new CpuDevice(1))
            StepDump.Write(device, checkpoint, [data.Pairwise], null, Size, first);
        using (var device = new CpuDevice(2))
            StepDump.Write(device, checkpoint, [data.Pairwise], null, Size, second);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(checkpoint, "model.safetensors")));
    }

    // Every tensor of the model that is not Hugging Face's has a row in the document, and every row has its tensors.
    [Theory]
    [InlineData("mix", "MixNextvlad")]
    [InlineData("uniter", "Uniter")]
    public void TensorNames_AreThoseOfTheDocument(string model, string section)
    {
        string[] rows = [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "tensor-names.md"))
            .SkipWhile(line => line != $"### {section}").Skip(1).TakeWhile(line => !line.StartsWith('#'))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('|')[1])];
        var documented = rows.SelectMany(Names).SelectMany(name => name.Contains("{k}", StringComparison.Ordinal)
            ? Enumerable.Range(0, 3).Select(k => name.Replace("{k}", $"{k}", StringComparison.Ordinal)) : [name]).Order(StringComparer.Ordinal);
        using var parameters = Zoo.ModelZoo.Create(Preset.Load("micro", model, []).Model).Parameters;
        var actual = parameters.Parameters.SelectMany(parameter => parameter.Parts).Select(part => part.Name).Where(name => !name.StartsWith("bert.", StringComparison.Ordinal));
        Assert.Equal(documented, actual.Order(StringComparer.Ordinal));

        // "`a.weight`, `.bias`": the second replaces the first one's last word.
        static IEnumerable<string> Names(string cell)
        {
            string[] names = [.. cell.Split('`').Where((_, i) => i % 2 == 1)];
            return names.Select(name => name[0] == '.' ? names[0][..names[0].LastIndexOf('.')] + name : name);
        }
    }
}
