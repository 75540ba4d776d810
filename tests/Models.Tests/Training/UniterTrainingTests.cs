using System.Text.Json.Nodes;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Batches;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>What masked tokens add to training: masks that neither threads nor stops change, and a second plan.</summary>
public sealed unsafe class UniterTrainingTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Pretraining_ThreadsStopsAndEagerSteps_GiveTheSameBytes(int threads, bool eager)
    {
        TinyData.Write(Path("data"));
        Pretrain("one", threads: 2, eager: false);
        foreach (int step in new[] { 3, 10, 11 })
        {
            using var stop = new StopAt(step);
            Assert.ThrowsAny<OperationCanceledException>(() => Pretrain("other", threads, eager, stop));
        }
        Pretrain("other", threads, eager);
        Folders.AssertEqual(Path("one"), Path("other"));
    }

    [Fact]
    public void Finetuning_LeavesTheHeadOfMaskedTokensAsItWas()
    {
        TinyData.Write(Path("data"));
        Pretrain("pretrained", threads: 2, eager: false);
        using (var device = new CpuDevice(2))
            Finetuning.Run(device, TinyRun.Options(Path("tuned")) with { Model = "uniter" }, new DataFolder(Path("data")), Path("pretrained"), fold: 1, IProgressSink.None, CancellationToken.None);
        using SafetensorsReader before = Weights("pretrained"), after = Weights("tuned");
        foreach (var entry in before.Entries)
        {
            var (first, second) = (new byte[entry.ByteCount], new byte[entry.ByteCount]);
            before.ReadBytes(entry, first);
            after.ReadBytes(after.TryFind(entry.Name)!, second);
            Assert.True(first.AsSpan().SequenceEqual(second) == entry.Name.StartsWith("mlm.", StringComparison.Ordinal), entry.Name);
        }

        SafetensorsReader Weights(string run) => SafetensorsReader.Open(System.IO.Path.Combine(Path(run), "last", "model.safetensors"));
    }

    // One batch asks for every token; it does not fit the usual plan. Had it run there, its loss would lack most of its rows.
    [Fact]
    public void Pretraining_BatchOverTheUsualCapacity_RunsTheSecondPlan()
    {
        const int FullBatch = 3, Steps = 6;
        double[] twoPlans = Losses(rows => rows), onePlan = Losses(rows => rows[^1..]);
        for (int step = 0; step < Steps; step++)
            Assert.Equal(onePlan[step], twoPlans[step], onePlan[step] * 1e-4); // the plans add up in another order

        double[] Losses(Func<int[], int[]> choose)
        {
            using var job = new TinyJob("uniter", threads: 2, $"pretrain.steps={Steps}", "pretrain.log_every=1", $"pretrain.encoder_schedule_steps={Steps}");
            int[] rows = job.MaskedRows(pairs: false);
            Assert.Equal(2, rows.Length);
            int most = 0;
            job.Train(pairs: false, (number, slot) =>
            {
                job.Fill(number, slot);
                if (number == FullBatch)
                    most = AskForAll(slot);
            }, IProgressSink.None, choose(rows));
            Assert.InRange(most, rows[0] + 1, rows[1]);
            return [.. File.ReadLines(System.IO.Path.Combine(job.Output, "metrics.jsonl")).Select(line => JsonNode.Parse(line)!["mlm"]).OfType<JsonNode>().Select(mlm => mlm.GetValue<double>())];
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
        int tokens = slot.Shape.Tokens, segments = *slot.SegmentCount.Ints;
        int[] ids = new Span<int>(slot.TokenIds.Ints, tokens).ToArray(), sorted = new Span<int>(slot.SortedPositions.Ints, tokens).ToArray();
        int masked = *slot.MaskedCount.Ints;
        Assert.True(Enumerable.Range(0, masked).Any(row => ids[slot.MaskedPositions.Ints[row]] != slot.MaskedTargets.Ints[row]), "no mask: the test says nothing");
        Assert.Equal(Enumerable.Range(0, tokens).OrderBy(at => ids[at]), sorted);
        for (int segment = 0; segment < segments; segment++)
        {
            for (int i = slot.SegmentStarts.Ints[segment]; i < slot.SegmentStarts.Ints[segment + 1]; i++)
                Assert.Equal(slot.SegmentTokens.Ints[segment], ids[sorted[i]]);
        }
        Assert.Equal(tokens, slot.SegmentStarts.Ints[segments]);
    }

    public void Dispose() => _root.Delete(recursive: true);

    private static int AskForAll(BatchBlock slot)
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
        return count;
    }

    private void Pretrain(string run, int threads, bool eager, StopAt? stop = null)
    {
        using var device = new CpuDevice(threads);
        Pretraining.Run(device, TinyRun.Options(Path(run), eager) with { Model = "uniter" }, new DataFolder(Path("data")), stop ?? IProgressSink.None, stop?.Token ?? CancellationToken.None);
    }

    private string Path(string name) => System.IO.Path.Combine(_root.FullName, name);
}
