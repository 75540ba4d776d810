using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Random;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Inspection;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Records;
using VideoSim.Models.Tests.Training;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Inspection;

/// <summary>
/// The file of <c>inspect --step</c>: the tensors of docs/tensor-names.md, equal to those of a step built by hand.
/// </summary>
public sealed class StepDumpTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
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
        StepDump.Write(device, new StepDumpOptions { Checkpoint = checkpoint, Records = [data.Pairwise], Labels = pairs ? data.Labels : null, Batch = Size }, output);
        using var file = SafetensorsReader.Open(output);

        // The same step by hand: a model without dropout, the first videos or pairs.
        var folder = ModelFolder.Open(checkpoint);
        var config = folder.Configuration with { VladDropout = 0, FusionDropout = 0 };
        config = config with { Encoder = config.Encoder with { HiddenDropoutProb = 0, AttentionProbsDropoutProb = 0 } };
        var model = folder.Load(device, training: true, config);
        using var parameters = model.Parameters;
        var index = RecordIndex.Build([data.Pairwise], config.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        var labelled = LabelFile.Read(data.Labels, index.TryFind);
        using var input = new BatchBlock(device, pairs ? BatchShape.OfPairs(config, Size) : BatchShape.OfVideos(config, Size));
        using (var assembler = new BatchAssembler(index, folder.Tokenizer, folder.Tags, evenFrames: false))
        {
            int[] order = [.. Enumerable.Range(0, Size)];
            if (pairs)
                assembler.FillPairs(order, labelled, [input]);
            else
                assembler.Fill(order, [input]);
        }
        input.Upload(default(StepScalars));
        using var step = TrainingStep.Build(device, parameters, optimizer: null, input, tape => LossesOf(model, tape), eager: true);
        step.Run();
        var another = folder.Load(device, training: true, config); // running statistics change with each step
        using var others = another.Parameters;
        List<(string Name, Tensor Value)>? notes = null; // of a step whose backward pass cannot have overwritten anything
        using var forward = new Step<LossTerms>(device, new StepMode(Training: true, Eager: true), input, tape =>
        {
            notes = tape.Notes = [];
            return LossesOf(another, tape);
        });
        forward.Run();

        var expected = new List<string>();
        Same("input.token_ids", input.TokenIds);
        Same("input.attention_mask", input.AttentionMask);
        Same("input.frames", input.Frames);
        Same("input.frame_counts", input.FrameCounts);
        Same("input.label_bits", input.Labels);
        if (pairs)
            Same("input.similarities", input.Similarities);
        string[] results = pairs ? ["cosine", "embedding"] : ["embedding"];
        Assert.Equal(results, notes!.Select(static note => note.Name).Intersect(["embedding", "cosine"]).Order(StringComparer.Ordinal));
        Assert.Equal(DocumentedValues("MixNextvlad", folder.Configuration.Encoder.NumHiddenLayers), notes!.Select(static note => note.Name).Except(results).Order(StringComparer.Ordinal));
        foreach (var (name, value) in notes!)
            Same(results.Contains(name) ? name : $"value.{name}", value);
        string[] terms = pairs ? ["squared_error", "kl", "tag"] : ["tag", "tag_experts", "consistency", "contrastive"];
        for (int i = 0; i < terms.Length; i++)
        {
            Same($"loss.{terms[i]}", step.Losses.Terms[i].Value);
            Assert.Equal(step.Losses.Terms[i].Weight, float.Parse(file.Metadata[$"weight.{terms[i]}"], System.Globalization.CultureInfo.InvariantCulture));
        }
        foreach (var (name, _, gradient, _) in parameters.Parts())
            Same($"grad.{name}", gradient);
        foreach (var (name, value) in parameters.StateParts())
            Same($"after.{name}", value);
        Assert.Equal(expected.Order(StringComparer.Ordinal), file.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));

        LossTerms LossesOf(IVideoModel of, Tape tape) =>
            (pairs ? of.Finetuning(Size, new LossConfig()) : of.Pretraining(Size, new LossConfig())).Variants[0].Losses(tape, input);

        void Same(string name, Tensor tensor)
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
            StepDump.Write(device, new StepDumpOptions { Checkpoint = checkpoint, Records = [data.Pairwise], Batch = Size }, first);
        using (var device = new CpuDevice(2))
            StepDump.Write(device, new StepDumpOptions { Checkpoint = checkpoint, Records = [data.Pairwise], Batch = Size }, second);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(checkpoint, "model.safetensors")));
    }

    // The model's own run, then an override of it; a copy outside of the run has the published losses.
    [Fact]
    public void Write_Losses_AreThoseOfTheRun()
    {
        var data = new DataFolder(runs.Data);
        string run = runs.New("losses"), alone = runs.New("alone");
        using var device = new CpuDevice(1);
        Pretraining.Run(device, TinyRun.Options(run, false, "pretrain.losses.consistency_weight=3", "pretrain.steps=2", "pretrain.warmup=1", "pretrain.encoder_warmup=1"), data,
            IProgressSink.None, TestContext.Current.CancellationToken);
        Directory.CreateDirectory(Path.Combine(alone, "model"));
        foreach (string file in Directory.GetFiles(Path.Combine(run, "last")))
            File.Copy(file, Path.Combine(alone, "model", Path.GetFileName(file)));
        Assert.Equal("3", Weight(Path.Combine(run, "last")));
        Assert.Equal("4", Weight(Path.Combine(run, "last"), "pretrain.losses.consistency_weight=4"));
        Assert.Equal("10", Weight(Path.Combine(alone, "model")));
        Assert.Contains("model.frames", Assert.Throws<DataException>(() => Weight(Path.Combine(run, "last"), "model.frames=3")).Message, StringComparison.Ordinal);

        string Weight(string checkpoint, params string[] overrides)
        {
            string output = runs.New("weight.safetensors");
            StepDump.Write(device, new StepDumpOptions { Checkpoint = checkpoint, Records = [data.Pairwise], Batch = Size, Overrides = [.. overrides] }, output);
            using var file = SafetensorsReader.Open(output);
            return file.Metadata["weight.consistency"];
        }
    }

    // Runs with rate 0 and without dropout: the losses of each step are those of its batch with the first weights.
    [Theory]
    [InlineData("mix", "pretrain")]
    [InlineData("uniter", "pretrain")]
    [InlineData("mix", "finetune")]
    public void Write_AtAStepOfARun_IsWhatTheRunTrainedOn(string model, string stage)
    {
        var data = new DataFolder(runs.Data);
        string pretrained = runs.New($"still-{model}-{stage}"), run = pretrained;
        string[] overrides =
        [
            "model.vlad_dropout=0", "model.fusion_dropout=0", "model.encoder.hidden_dropout_prob=0", "model.encoder.attention_probs_dropout_prob=0",
            .. new[] { "pretrain", "finetune" }.SelectMany(of => new[] { $"{of}.rate=0", $"{of}.encoder_rate=0", $"{of}.log_every=1", $"{of}.steps=7", $"{of}.warmup=1", $"{of}.encoder_warmup=1" }),
        ];
        using var device = new CpuDevice(2);
        Pretraining.Run(device, TinyRun.Options(run, false, overrides) with { Model = model }, data, IProgressSink.None, TestContext.Current.CancellationToken);
        if (stage == "finetune")
        {
            run += "-fold";
            Finetuning.Run(device, TinyRun.Options(run, false, overrides) with { Model = model, VideoDisjoint = true }, data, pretrained, fold: 2, IProgressSink.None, TestContext.Current.CancellationToken);
        }
        var lines = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(static line => JsonNode.Parse(line)!).Where(static line => line["loss"] is not null).ToArray();
        Assert.Equal(7, lines.Length);
        foreach (int at in new[] { 1, 2, 7 })
        {
            string output = runs.New("at.safetensors");
            StepDump.Write(device, new StepDumpOptions { Checkpoint = Path.Combine(run, "checkpoint-0"), At = at }, output);
            using var file = SafetensorsReader.Open(output);
            foreach (string term in stage == "finetune" ? new[] { "squared_error", "kl", "tag" } : model == "mix" ? ["tag", "tag_experts", "consistency", "contrastive"] : ["tag", "mlm"])
            {
                float[] value = new float[1];
                file.ReadFloats(file.TryFind($"loss.{term}")!, value);
                Assert.Equal((float)lines[at - 1][term]!.GetValue<double>(), value[0], 1e-6f * Math.Abs(value[0]));
            }
        }
        var late = new StepDumpOptions { Checkpoint = Path.Combine(run, "checkpoint-0"), At = 8 };
        Assert.EndsWith("has 7 steps", Assert.Throws<DataException>(() => StepDump.Write(device, late, runs.New("late"))).Message, StringComparison.Ordinal);
    }

    // The rows of the document's table of intermediate values that are those of a model.
    internal static IEnumerable<string> DocumentedValues(string model, int layers) => File.ReadLines(Path.Combine(AppContext.BaseDirectory, "tensor-names.md"))
        .Where(line => line.StartsWith("| `value.", StringComparison.Ordinal) && (line.Contains("| both |", StringComparison.Ordinal) || line.Contains($"| {model} |", StringComparison.Ordinal)))
        .SelectMany(line => Enumerable.Range(0, layers).Select(layer => line.Split('`')[1]["value.".Length..].Replace("{layer}", $"{layer}", StringComparison.Ordinal)).Distinct())
        .Order(StringComparer.Ordinal);

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
