using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using VideoSim.Models.Text;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

public sealed unsafe class TokenMaskerTests
{
    private const int Videos = 64, Length = 32, Pad = 0, Unknown = 1, Class = 2, Separator = 3, Mask = 4, FirstWord = 5, Words = 200;

    private static readonly int[] Records = [.. Enumerable.Range(1000, Videos)];
    private static readonly Vocabulary Vocabulary = Models.Text.Vocabulary.Parse(
        System.Text.Encoding.UTF8.GetBytes("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + string.Concat(Enumerable.Range(0, Words).Select(i => $"w{i}\n"))), "vocab.txt");

    // 200 batches of 64 titles: some 290,000 candidates, so a frequency is known to 0.07 % (one sigma); of the 44,000
    // selected ones to 0.2 %. The bounds are 4.5 sigma.
    [Fact]
    public void Mask_ManyBatches_SelectsAndReplacesAsOftenAsSpecified()
    {
        using var device = new CpuDevice(1);
        using var slot = Slot(device);
        long candidates = 0, selected = 0, masked = 0, unchanged = 0, special = 0;
        for (int draw = 0; draw < 200; draw++)
        {
            int[] before = Fill(slot);
            new TokenMasker(Vocabulary, seed: 7).Mask(Records, draw, [slot]);
            candidates += before.Count(IsCandidate);
            for (int row = 0; row < *slot.MaskedCount.Ints; row++)
            {
                int at = slot.MaskedPositions.Ints[row], id = slot.TokenIds.Ints[at];
                Assert.Equal(before[at], slot.MaskedTargets.Ints[row]);
                Assert.True(IsCandidate(before[at]), "[CLS], [SEP] and [PAD] are never asked for");
                selected++;
                masked += id == Mask ? 1 : 0;
                unchanged += id == before[at] ? 1 : 0;
                special += IsCandidate(id) ? 0 : 1;
            }
        }
        Near(0.15, selected, candidates);
        // A random piece is [MASK], or what stood there, once in 205 times; and [CLS], [SEP] or [PAD] three times.
        Near(0.8 + 0.1 / (FirstWord + Words), masked, selected);
        Near(0.1 + 0.1 / (FirstWord + Words), unchanged, selected);
        Near(0.1 * 3 / (FirstWord + Words), special, selected);

        static void Near(double expected, long count, long total) =>
            Assert.InRange((double)count / total, expected - 4.5 * Math.Sqrt(expected * (1 - expected) / total), expected + 4.5 * Math.Sqrt(expected * (1 - expected) / total));
    }

    [Fact]
    public void Mask_ABatch_LeavesTheRestAloneAndFillsUnusedRows()
    {
        using var device = new CpuDevice(1);
        using var slot = Slot(device);
        int[] before = Fill(slot);
        new TokenMasker(Vocabulary, seed: 7).Mask(Records, 3, [slot]);
        int count = *slot.MaskedCount.Ints;
        int[] positions = new Span<int>(slot.MaskedPositions.Ints, slot.Shape.MaskedCapacity).ToArray();
        float[] weights = new Span<float>(slot.MaskedWeights.Floats, slot.Shape.MaskedCapacity).ToArray();
        Assert.InRange(count, 1, slot.Shape.MaskedCapacity - 1);
        Assert.Equal(positions[..count].Distinct().Order(), positions[..count]);
        Assert.All(positions[count..], position => Assert.Equal(Videos * Length, position));
        Assert.All(weights[..count], weight => Assert.Equal(1f / count, weight));
        Assert.All(weights[count..], weight => Assert.Equal(0, weight));
        int[] changed = [.. Enumerable.Range(0, before.Length).Where(at => slot.TokenIds.Ints[at] != before[at])];
        Assert.Empty(changed.Except(positions[..count]));
    }

    // What a resumed run, another number of threads or another place in the batch must not change.
    [Fact]
    public void Mask_SameRecordAndDraw_IsTheSameWhereverTheRecordStands()
    {
        using var device = new CpuDevice(1);
        using CpuBlock one = new(device), other = new(device);
        var masker = new TokenMasker(Vocabulary, seed: 7);
        masker.Mask(Records, 5, [one.Slot]);
        masker.Mask(Records, 4, [other.Slot]);
        int[] otherDraw = other.Ids;
        Fill(other.Slot);
        int[] backwards = [.. Records.Reverse()];
        for (int row = 0; row < Videos; row++)
            Row(Videos - 1 - row).CopyTo(new Span<int>(other.Slot.TokenIds.Ints + row * Length, Length));
        new TokenMasker(Vocabulary, seed: 7).Mask(backwards, 5, [other.Slot]);
        for (int row = 0; row < Videos; row++)
            Assert.Equal(one.Ids.AsSpan(row * Length, Length), other.Ids.AsSpan((Videos - 1 - row) * Length, Length));
        Assert.NotEqual(one.Ids, otherDraw);
        Fill(other.Slot);
        new TokenMasker(Vocabulary, seed: 8).Mask(Records, 5, [other.Slot]);
        Assert.NotEqual(one.Ids, other.Ids);
    }

    [Fact]
    public void Mask_EmptyTitles_MasksNothing()
    {
        using var device = new CpuDevice(1);
        using var slot = Slot(device);
        for (int i = 0; i < slot.Shape.Tokens; i++)
            slot.TokenIds.Ints[i] = (i % Length) switch { 0 => Class, 1 => Separator, _ => Pad };
        new TokenMasker(Vocabulary, seed: 7).Mask(Records, 0, [slot]);
        Assert.Equal(0, *slot.MaskedCount.Ints);
        Assert.All(new Span<float>(slot.MaskedWeights.Floats, slot.Shape.MaskedCapacity).ToArray(), weight => Assert.Equal(0, weight));
    }

    // 256 titles of 30 tokens: mean 1152, sigma 31.3.
    [Theory]
    [InlineData(256, 32, new[] { 1340, 7680 })]
    [InlineData(210, 32, new[] { 1116, 6300 })]
    [InlineData(1, 12, new[] { 9, 10 })]
    [InlineData(1, 5, new[] { 3 })]
    public void PlanRows_AreMeanAndSixSigmaAndAll(int videos, int length, int[] rows) => Assert.Equal(rows, TokenMasker.PlanRows(videos, length));

    private static bool IsCandidate(int id) => id is not (Class or Separator or Pad);

    private static BatchBlock Slot(CpuDevice device) =>
        new(device, new BatchShape(Videos, 0, Length, Frames: 1, FrameWidth: 1, Tags: 1, TokenMasker.Candidates(Videos, Length)));

    // Titles of 2 to 30 tokens, [UNK] among them.
    private static int[] Row(int video)
    {
        int words = 2 + video * 7 % 29;
        return [Class, .. Enumerable.Range(0, words).Select(i => i % 9 == 4 ? Unknown : FirstWord + (video * 31 + i) % Words), Separator,
            .. Enumerable.Repeat(Pad, Length - 2 - words)];
    }

    private static int[] Fill(BatchBlock slot)
    {
        int[] ids = [.. Enumerable.Range(0, Videos).SelectMany(Row)];
        ids.CopyTo(new Span<int>(slot.TokenIds.Ints, ids.Length));
        return ids;
    }

    private sealed class CpuBlock : IDisposable
    {
        public CpuBlock(CpuDevice device)
        {
            Slot = TokenMaskerTests.Slot(device);
            Fill(Slot);
        }

        public BatchBlock Slot { get; }

        public int[] Ids => new Span<int>(Slot.TokenIds.Ints, Slot.Shape.Tokens).ToArray();

        public void Dispose() => Slot.Dispose();
    }
}
