using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public sealed partial class RecordInspectionTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Fact]
    public void Of_SoundFiles_CountsEverything()
    {
        var frames = TestRecords.Frames(0, 2);
        string a = _folder.Write("a", TestRecords.File(
            TestRecords.Payload("1", Encoding.UTF8.GetBytes("三个字"), frames),
            TestRecords.Payload("22", Encoding.UTF8.GetBytes("a😀"), frames),
            TestRecords.PayloadWith("tag_id", w => w.AddBytes("extra"u8, "xyz"u8))));
        string b = _folder.Write("b", TestRecords.File(TestRecords.Payload("4", [], TestRecords.Frames(0, 5))));
        var found = Inspect(a, b);

        Assert.Equal([new(a, new FileInfo(a).Length, 3, 0), new(b, new FileInfo(b).Length, 1, 0)], found.Files);
        Assert.Equal((4, 4), (found.Records, found.Videos));
        Assert.Equal(new FileInfo(a).Length + new FileInfo(b).Length, found.Bytes);
        Assert.Equal([new(2, 3), new(5, 1)], found.FramesPerVideo);
        Assert.Equal([new(0, 1), new(1, 1), new(2, 1), new(3, 1)], found.TitleCharacters);
        Assert.Equal([new(0, 1), new(2, 3)], found.TagsPerVideo);
        Assert.Empty(found.BadRecords);
        Assert.Equal(
        [
            new("asr_text", FeatureKind.Bytes, 3, 3, 1, 1, 9, 3, 3),
            new("category_id", FeatureKind.Integers, 3, 3, 1, 1, 24, null, null),
            new("extra", FeatureKind.Bytes, 1, 1, 1, 1, 3, 3, 3),
            new("frame_feature", FeatureKind.Bytes, 4, 11, 2, 5, 132, 12, 12),
            new("id", FeatureKind.Bytes, 4, 4, 1, 1, 7, 1, 3),
            new("tag_id", FeatureKind.Integers, 3, 6, 2, 2, 48, null, null),
            new("title", FeatureKind.Bytes, 4, 4, 1, 1, 15, 0, 9),
        ], found.Features);
    }

    [Fact]
    public void Of_FloatFeature_CountsItsValues()
    {
        // Examples { sim: [float, float, float] }, two packed, one not.
        byte[] list = [0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d, 0, 0, 0, 0];
        byte[] feature = [0x12, (byte)list.Length, .. list];
        byte[] entry = [0x0a, 3, .. "sim"u8, 0x12, (byte)feature.Length, .. feature];
        byte[] features = [0x0a, (byte)entry.Length, .. entry];
        var found = Inspect(_folder.Write("floats", TestRecords.File([0x0a, (byte)features.Length, .. features])));
        Assert.Equal([new("sim", FeatureKind.Numbers, 1, 3, 3, 3, 12, null, null)], found.Features);
    }

    [Fact]
    public void Of_DamagedFiles_ListsEveryBadRecordAndGoesOn()
    {
        byte[] bytes = TestRecords.File(
            TestRecords.Payload(0, 1), TestRecords.Payload(1, 1), TestRecords.PayloadWith("title", null), TestRecords.Payload(3, 1));
        int second = 16 + BitConverter.ToInt32(bytes);
        bytes[second + 20] ^= 1;
        string damaged = _folder.Write("damaged", bytes);
        string cut = _folder.Write("cut", TestRecords.FileOf(2)[..^1]);
        string text = _folder.Write("text", "this is not what you wanted");
        string none = Path.Combine(_folder.Path, "none");
        var found = Inspect(damaged, cut, text, none);

        Assert.Equal([4L, 2, 0, 0], found.Files.Select(f => f.Records));
        Assert.Equal([2L, 1, 1, 1], found.Files.Select(f => f.BadRecords));
        Assert.Equal((6, 3), (found.Records, found.Videos));
        Assert.Equal(
        [
            $"{damaged}: record 1 (at byte {second}): the payload fails its checksum",
            $"{damaged}: record 2 (id 345): feature 'title' is missing",
            $"{cut}: record 1 (at byte {16 + BitConverter.ToInt32(TestRecords.FileOf(1))}): the file is truncated: " +
                $"it ends after {new FileInfo(cut).Length - TestRecords.FileOf(1).Length} of this record's {TestRecords.FileOf(2).Length - TestRecords.FileOf(1).Length} bytes",
            $"{text}: not a TFRecord file: the length of its first record fails its checksum",
            $"{none}: there is no such file",
        ], found.BadRecords.Select(b => b.ToString()));
    }

    [Fact]
    public void Of_Anything_SerialisesBySourceGenerator()
    {
        string json = JsonSerializer.Serialize(Inspect(_folder.Write("a", TestRecords.FileOf(2))), Json.Default.RecordInspection);
        using var document = JsonDocument.Parse(json);
        Assert.Equal(2, document.RootElement.GetProperty("Videos").GetInt32());
        Assert.Equal("Bytes", document.RootElement.GetProperty("Features")[0].GetProperty("Kind").GetString());
    }

    public void Dispose() => _folder.Dispose();

    private static RecordInspection Inspect(params string[] paths) =>
        RecordInspection.Of(paths, TestRecords.FrameWidth, cancellation: TestContext.Current.CancellationToken);

    [JsonSerializable(typeof(RecordInspection))]
    private sealed partial class Json : JsonSerializerContext;
}
