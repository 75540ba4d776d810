using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Inspection;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Inspection;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>
/// Masked tokens in training: threads and stops do not change the masks, and there is a second plan.
/// </summary>
public sealed unsafe class UniterTrainingTests(UniterRun run) : IClassFixture<UniterRun>
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Pretraining_ThreadsStopsAndEagerSteps_GiveTheSameBytes(int threads, bool eager)
    {
        string other = $"other-{threads}";
        foreach (int step in new[] { 3, 10, 11 })
        {
            using var stop = new StopAt(step);
            Assert.ThrowsAny<OperationCanceledException>(() => run.Pretrain(other, threads, eager, stop));
        }
        run.Pretrain(other, threads, eager);
        Folders.AssertEqual(run.Path("pretrained"), run.Path(other));
    }

    [Fact]
    public void Finetuning_LeavesTheHeadOfMaskedTokensAsItWas()
    {
        using (var device = new CpuDevice(2))
            Finetuning.Run(device, TinyRun.Options(run.Path("tuned")) with { Model = "uniter" }, new DataFolder(run.Path("data")), run.Path("pretrained"), fold: 1, IProgressSink.None, TestContext.Current.CancellationToken);
        using SafetensorsReader before = Weights("pretrained"), after = Weights("tuned");
        foreach (var entry in before.Entries)
        {
            var (first, second) = (new byte[entry.ByteCount], new byte[entry.ByteCount]);
            before.ReadBytes(entry, first);
            after.ReadBytes(after.TryFind(entry.Name)!, second);
            Assert.True(first.AsSpan().SequenceEqual(second) == entry.Name.StartsWith("mlm.", StringComparison.Ordinal), entry.Name);
        }

        SafetensorsReader Weights(string name) => SafetensorsReader.Open(Path.Combine(run.Path(name), "last", "model.safetensors"));
    }

    // One batch masks every token and does not fit the usual plan. In that plan its loss would lack most of its rows.
    [Fact]
    public void Pretraining_BatchOverTheUsualCapacity_RunsTheSecondPlan()
    {
        const int FullBatch = 3, Steps = 6;
        double[] twoPlans = Losses(stage => stage), onePlan = Losses(stage => stage with { Variants = [stage.Variants[^1]] });
        for (int step = 0; step < Steps; step++)
            Assert.Equal(onePlan[step], twoPlans[step], onePlan[step] * 1e-4); // the plans add up in another order

        double[] Losses(Func<TrainingStage, TrainingStage> choose)
        {
            using var job = new TinyJob("uniter", threads: 2, $"pretrain.steps={Steps}", "pretrain.log_every=1", $"pretrain.encoder_schedule_steps={Steps}");
            var stage = job.Stage(pairs: false);
            Assert.Equal(2, stage.Variants.Count);
            int variant = 0;
            job.Train(pairs: false, (number, slot) =>
            {
                job.Fill(number, slot);
                if (number == FullBatch)
                {
                    MaskAll(slot[0]);
                    variant = stage.VariantFor(slot[0]);
                }
            }, IProgressSink.None, choose(stage));
            Assert.Equal(1, variant);
            return [.. File.ReadLines(Path.Combine(job.Output, "metrics.jsonl")).Select(line => JsonNode.Parse(line)!["mlm"]).OfType<JsonNode>().Select(mlm => mlm.GetValue<double>())];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void StepDump_OfAModelThatMasks_HoldsTheMaskedTokens(bool pairs)
    {
        const int Size = 5;
        var data = new DataFolder(run.Path("data"));
        string output = run.Path($"step-{pairs}.safetensors");
        using (var device = new CpuDevice(2))
            StepDump.Write(device, new StepDumpOptions { Checkpoint = Path.Combine(run.Path("pretrained"), "last"), Records = [data.Pairwise], Labels = pairs ? data.Labels : null, Batch = Size }, output);
        using var file = SafetensorsReader.Open(output);
        Assert.Equal(!pairs, file.TryFind("loss.mlm") is not null);
        int layers = ModelFolder.Open(Path.Combine(run.Path("pretrained"), "last")).Configuration.Encoder.NumHiddenLayers;
        Assert.Equal(StepDumpTests.DocumentedValues("Uniter", layers).Where(name => !pairs || !name.StartsWith("masked_", StringComparison.Ordinal)),
            file.Entries.Where(static entry => entry.Name.StartsWith("value.", StringComparison.Ordinal)).Select(static entry => entry.Name["value.".Length..]).Order(StringComparer.Ordinal));
        if (pairs)
        {
            Assert.DoesNotContain(file.Entries, entry => entry.Name.StartsWith("input.masked", StringComparison.Ordinal));
            return;
        }
        int[] ids = Read<int>("input.token_ids"), positions = Read<int>("input.masked_positions"), targets = Read<int>("input.masked_targets");
        float[] weights = Read<float>("input.masked_weights");
        Assert.InRange(Read<float>("loss.mlm")[0], 1e-3f, 100);
        Assert.Equal(1, weights.Sum(), 1e-5);
        Assert.Contains(Enumerable.Range(0, weights.Count(weight => weight > 0)), row => ids[positions[row]] != targets[row]);

        T[] Read<T>(string name) where T : unmanaged
        {
            var entry = file.TryFind(name);
            Assert.True(entry is not null, $"{name} is missing");
            var values = new T[entry.ElementCount];
            file.ReadBytes(entry, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
    }

    // The gradient of the word table follows the ids that the encoder saw.
    [Fact]
    public void Fill_WithMasks_SortsTheMaskedIds()
    {
        using var job = new TinyJob("uniter", threads: 1);
        using var host = new CpuDevice(1);
        using var slot = new BatchBlock(host, job.Shape(pairs: false));
        job.Fill(number: 1, slot);
        int tokens = slot.Shape.Tokens, segments = *slot.Tokens.SegmentCount.Ints;
        int[] ids = new Span<int>(slot.TokenIds.Ints, tokens).ToArray(), sorted = new Span<int>(slot.Tokens.SortedPositions.Ints, tokens).ToArray();
        int masked = *slot.MaskedCount.Ints;
        Assert.True(Enumerable.Range(0, masked).Any(row => ids[slot.MaskedPositions.Ints[row]] != slot.MaskedTargets.Ints[row]), "no mask: the test says nothing");
        Assert.Equal(Enumerable.Range(0, tokens).OrderBy(at => ids[at]), sorted);
        for (int segment = 0; segment < segments; segment++)
        {
            for (int i = slot.Tokens.SegmentStarts.Ints[segment]; i < slot.Tokens.SegmentStarts.Ints[segment + 1]; i++)
                Assert.Equal(slot.Tokens.SegmentIndices.Ints[segment], ids[sorted[i]]);
        }
        Assert.Equal(tokens, slot.Tokens.SegmentStarts.Ints[segments]);
    }

    private static void MaskAll(BatchBlock slot)
    {
        const int FirstWord = 5; // after the special tokens
        int count = 0;
        for (int at = 0; at < slot.Shape.Tokens; at++)
        {
            if (slot.TokenIds.Ints[at] < FirstWord)
                continue;
            (slot.MaskedPositions.Ints[count], slot.MaskedTargets.Ints[count]) = (at, slot.TokenIds.Ints[at]);
            count++;
        }
        *slot.MaskedCount.Ints = count;
        new Span<float>(slot.MaskedWeights.Floats, count).Fill(1f / count);
    }
}

/// <summary>A pretraining run of Uniter on <see cref="TinyData"/>: two threads, planned, never interrupted.</summary>
public sealed class UniterRun : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    public UniterRun()
    {
        TinyData.Write(Path("data"));
        Pretrain("pretrained", threads: 2, eager: false);
    }

    internal void Pretrain(string name, int threads, bool eager, StopAt? stop = null)
    {
        using var device = new CpuDevice(threads);
        Pretraining.Run(device, TinyRun.Options(Path(name), eager) with { Model = "uniter" }, new DataFolder(Path("data")), stop ?? IProgressSink.None, stop?.Token ?? CancellationToken.None);
    }

    internal string Path(string name) => System.IO.Path.Combine(_root.FullName, name);

    public void Dispose() => _root.Delete(recursive: true);
}
