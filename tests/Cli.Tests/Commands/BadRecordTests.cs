using System.Runtime.InteropServices;
using VideoSim.Models.Records;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Damaged and wrong TFRecord files: every command that reads them names file, record and fault.</summary>
[Collection(nameof(CommandTests))]
public sealed class BadRecordTests(CommandWorld world)
{
    private const int BadRecord = 3;

    [Theory]
    [InlineData("truncated", "truncated")]
    [InlineData("flipped bit in the length", "the length fails its checksum")]
    [InlineData("flipped bit in the length's checksum", "the length fails its checksum")]
    [InlineData("flipped bit in the payload", "the payload fails its checksum")]
    [InlineData("flipped bit in the payload's checksum", "the payload fails its checksum")]
    [InlineData("no Example", "the payload is not a tf.train.Example")]
    [InlineData("narrow frames", "frame 0 has 126 bytes, expected 128")]
    [InlineData("no frames", "there are no frames")]
    [InlineData("NaN", "frame 1 has NaN or infinity at value 5")]
    [InlineData("infinity", "frame 1 has NaN or infinity at value 5")]
    [InlineData("invalid title", "the title is not valid UTF-8")]
    [InlineData("no id", "feature 'id' is missing")]
    [InlineData("no title", "feature 'title' is missing")]
    [InlineData("no frame_feature", "feature 'frame_feature' is missing")]
    public void Record_Bad_IsNamed(string damage, string complaint)
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "pointwise", "pretrain_0.tfrecords");
        Damage(file, damage);
        string[] parts = [file, $"record {BadRecord}", complaint];

        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, parts);
        string embeddings = world.New() + ".zip";
        Shell.Run(CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), file, embeddings)).AssertFailed(1, parts);
        Assert.False(File.Exists(embeddings));
        var verified = Shell.Run("data", "verify", file, "--frame-width", $"{TinyData.FrameWidth}");
        Assert.Equal(1, verified.ExitCode);
        Assert.All(parts, part => Assert.Contains(part, verified.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void File_NotATfRecord_IsNamed()
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "pairwise", "pairwise.tfrecords");
        File.WriteAllText(file, "id,title\n1,a file of another kind\n");
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, "not a TFRecord file");
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New())).AssertFailed(1, file, "not a TFRecord file");
        Shell.Run(CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), file, world.New() + ".zip")).AssertFailed(1, file, "not a TFRecord file");
    }

    [Fact]
    public void File_EmptyOrMissing_IsNamed()
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "pairwise", "pairwise.tfrecords");
        File.WriteAllBytes(file, []);
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, "empty");
        File.Delete(file);
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, "there is no such file");
        Shell.Run("data", "verify", file).AssertFailed(1, file, "there is no such file");
    }

    [Fact]
    public void Frames_OfAnotherDataset_AreRefused() =>
        Shell.Run(CommandWorld.Pretrain(world.Data, world.New(), "--set", "model.frame_width=32"))
            .AssertFailed(1, "--set model.frame_width=32: ", $"pretrain_0.tfrecords has {TinyData.FrameWidth}, and this size follows from the file");

    [Fact]
    public void SkipBadRecords_OfPairs_LeavesTheirPairsOutAndSaysSo()
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "pairwise", "pairwise.tfrecords");
        Damage(file, "flipped bit in the payload");
        var outcome = Shell.RunAloud([.. CommandWorld.Finetune(data, world.Pretrained, world.New()), "--skip-bad-records"]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"skipped: {file}: record {BadRecord} ", outcome.Error, StringComparison.Ordinal);
        Assert.Matches($@"label\.tsv: \d+ of {TinyData.Pairs} pairs are left out, because records of their videos were skipped: lines \d+", outcome.Error);
        Shell.Run([.. CommandWorld.Pretrain(data, world.New()), "--skip-bad-records"]).AssertDone();
        Shell.Run([.. CommandWorld.Finetune(data, world.Pretrained, world.New())]).AssertFailed(1, file, $"record {BadRecord}");
    }

    [Fact]
    public void Embed_IdsGivenTwice_TakesTheLastRecord()
    {
        string twice = world.New() + ".tfrecords", once = world.New() + ".tfrecords", first = world.New() + ".json", second = world.New() + ".json";
        byte[] earlier = TinyData.Payload(1, tagged: false), later = TinyData.Payload(2, tagged: false);
        later.AsSpan().Slice(later.AsSpan().IndexOf("9000000002"u8), 10)[9] = (byte)'1';
        TinyData.WriteRecords(twice, [earlier, TinyData.Payload(3, tagged: false), later]);
        TinyData.WriteRecords(once, [TinyData.Payload(3, tagged: false), later]);
        var outcome = Shell.RunAloud(CommandWorld.Embed(Path.Combine(world.Pretrained, "best"), twice, first));
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"{twice}: record 0 has the same id as a later record", outcome.Error, StringComparison.Ordinal);
        Shell.Run(CommandWorld.Embed(Path.Combine(world.Pretrained, "best"), once, second)).AssertDone();
        Assert.Equal(File.ReadAllBytes(second), File.ReadAllBytes(first));
    }

    [Fact]
    public void SkipBadRecords_LeavesTheBadOneOut()
    {
        string data = world.CopyOfData();
        Damage(Path.Combine(data, "pointwise", "pretrain_0.tfrecords"), "NaN");
        Shell.Run(CommandWorld.Pretrain(data, world.New(), "--skip-bad-records")).AssertDone();
    }

    // Replaces or damages record 3 of the file.
    private static void Damage(string file, string damage)
    {
        var index = RecordIndex.Build([file], TinyData.FrameWidth);
        long start = index[BadRecord].Offset, end = index[BadRecord + 1].Offset;
        byte[] bytes = File.ReadAllBytes(file), frames = new byte[2 * 2 * TinyData.FrameWidth];
        switch (damage)
        {
            case "truncated":
                bytes = bytes[..((int)start + 100)];
                break;
            case "flipped bit in the length":
                bytes[start + 1] ^= 4;
                break;
            case "flipped bit in the length's checksum":
                bytes[start + sizeof(ulong)] ^= 4;
                break;
            case "flipped bit in the payload":
                bytes[start + 100] ^= 4;
                break;
            case "flipped bit in the payload's checksum":
                bytes[end - 1] ^= 4;
                break;
            case "no Example":
                Replace([0xff, 0xff]);
                break;
            case "narrow frames":
                ReplaceFeature("frame_feature", example => example.AddEntries("frame_feature"u8, frames.AsSpan(4), 2 * (TinyData.FrameWidth - 1)));
                break;
            case "no frames":
                ReplaceFeature("frame_feature", example => example.AddEntries("frame_feature"u8, [], 2 * TinyData.FrameWidth));
                break;
            case "NaN" or "infinity":
                MemoryMarshal.Cast<byte, Half>(frames.AsSpan())[TinyData.FrameWidth + 5] = damage == "NaN" ? Half.NaN : Half.NegativeInfinity;
                ReplaceFeature("", _ => { });
                break;
            case "invalid title":
                ReplaceFeature("title", example => example.AddBytes("title"u8, [0xe4, 0xb8]));
                break;
            default:
                Assert.StartsWith("no ", damage, StringComparison.Ordinal);
                ReplaceFeature(damage[3..], _ => { });
                break;
        }
        File.WriteAllBytes(file, bytes);

        void ReplaceFeature(string name, Action<ExampleWriter> replacement)
        {
            var example = new ExampleWriter();
            Add("id", () => example.AddBytes("id"u8, "345"u8));
            Add("title", () => example.AddBytes("title"u8, "t"u8));
            Add("frame_feature", () => example.AddEntries("frame_feature"u8, frames, 2 * TinyData.FrameWidth));
            Replace(example.Payload);

            void Add(string feature, Action add)
            {
                if (feature == name)
                    replacement(example);
                else
                    add();
            }
        }

        void Replace(ReadOnlySpan<byte> payload)
        {
            var stream = new MemoryStream();
            using (var writer = new TfRecordWriter(stream))
                writer.Write(payload);
            bytes = [.. bytes.AsSpan(0, (int)start), .. stream.ToArray(), .. bytes.AsSpan((int)end)];
        }
    }
}
