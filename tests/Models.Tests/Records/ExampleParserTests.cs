using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public class ExampleParserTests
{
    // Serialised by Google's protobuf 3.21 (Python) from the public message definitions: keys in alphabetical order,
    // one feature that we do not know, one negative number.
    internal const string FromGoogleProtobuf =
        "CskBChMKCGFzcl90ZXh0EgcKBQoDbmFuChUKC2NhdGVnb3J5X2lkEgYaBAoCkWAKFQoFZXh0cmESDBIKCggAAIA+AACAPwojCg1mcmFtZV9mZWF0dXJlEhIK" +
        "EAoGADwAwAA4CgYAAP97AQAKHQoCaWQSFwoVChMyMzQ1MjAzMTIzNDU2Nzg5MDEyCh4KBnRhZ19pZBIUGhIKELmEIdP2F////////////wEKIAoFdGl0bGUS" +
        "FwoVChPoi7Hpm4TogZTnm5/vvJo45bm0";

    [Fact]
    public void TryParse_ExampleOfAnotherWriter_ReadsEveryField()
    {
        byte[] payload = Convert.FromBase64String(FromGoogleProtobuf);
        Assert.True(ExampleParser.TryParse(payload, 3, out var example, out _));
        Assert.Equal("2345203123456789012", Encoding.UTF8.GetString(example.Id));
        Assert.Equal("英雄联盟：8年", Encoding.UTF8.GetString(example.Title));
        Assert.Equal([541241, 392019, -1], Values(example.TagIds));
        Assert.Equal([(Half)1, (Half)(-2), (Half)0.5, (Half)0, (Half)65504, (Half)6e-8], FrameValues(example.Frames));
        Assert.Equal(3, example.TagIds.Count);
        Assert.Equal(2, example.Frames.Count);
        Assert.True(ExampleParser.FramesAreFinite(example, out _));
    }

    [Fact]
    public void TryParse_OurWriter_RoundTrips() =>
        Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 40], Gen.String, Gen.Long.Array[0, 9]).Sample((id, frames, title, tags) =>
        {
            byte[] titleBytes = Encoding.UTF8.GetBytes(title);
            var values = TestRecords.Frames(id % 2000, frames);
            byte[] payload = new ExampleWriter().WriteVideo(
                Encoding.UTF8.GetBytes($"{id}"), titleBytes, "nan"u8, values, TestRecords.FrameWidth, tags, null).ToArray();
            return ExampleParser.TryParse(payload, TestRecords.FrameWidth, out var example, out _)
                && Encoding.UTF8.GetString(example.Id) == $"{id}"
                && example.Title.SequenceEqual(titleBytes)
                && FrameValues(example.Frames).SequenceEqual(values)
                && Values(example.TagIds).SequenceEqual(tags);
        }, iter: 300);

    [Fact]
    public void TryParse_UnpackedAndPackedRunsWithUnknownFields_ReadsAllValues()
    {
        // Int64List: value 5, an unknown varint, an unknown string, a packed run of 6 and 7, an unknown fixed64,
        // value 8.
        byte[] list = [0x08, 5, 0x10, 0x96, 0x01, 0x1a, 1, (byte)'x', 0x0a, 2, 6, 7, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 8];
        Assert.True(Int64List.TryParse(list, out var values));
        Assert.Equal([5, 6, 7, 8], Values(values));
    }

    [Fact]
    public void TryParse_UnknownFieldsAtEveryLevel_AreSteppedOver()
    {
        byte[] id = [0x15, 1, 2, 3, 4, 0x0a, 1, (byte)'9']; // BytesList: unknown fixed32, value "9"
        byte[] feature = [0x20, 1, .. Field(1, id)]; // Feature: unknown varint, bytes_list
        byte[] entry = [.. Field(2, feature), .. Field(1, "id"u8), .. Field(3, "x"u8)]; // the value before its key
        byte[] payload = [.. Field(9, "x"u8), .. Field(1, [.. Field(2, "y"u8), .. Field(1, entry)]), .. Rest()];
        Assert.True(ExampleParser.TryParse(payload, TestRecords.FrameWidth, out var example, out _));
        Assert.Equal("9", Encoding.UTF8.GetString(example.Id));
        Assert.Equal("t", Encoding.UTF8.GetString(example.Title));

        static byte[] Rest() => TestRecords.PayloadWith("id", null);
    }

    [Theory]
    [InlineData("id")]
    [InlineData("title")]
    [InlineData("frame_feature")]
    public void TryParse_MissingFeature_IsNamed(string name) =>
        Assert.Equal($"feature '{name}' is missing", Problem(TestRecords.PayloadWith(name, null)));

    [Theory]
    [InlineData("tag_id")]
    [InlineData("asr_text")]
    [InlineData("category_id")]
    public void TryParse_OptionalFeatureMissing_IsFine(string name) => Assert.Null(Problem(TestRecords.PayloadWith(name, null)));

    [Fact]
    public void TryParse_FeatureThatNoModelUses_MayHoldAnything()
    {
        Assert.Null(Problem(TestRecords.PayloadWith("asr_text", w => w.AddEntries("asr_text"u8, [], 1))));
        Assert.Null(Problem(TestRecords.PayloadWith("asr_text", w => w.AddInt64("asr_text"u8, [3]))));
        Assert.Null(Problem(TestRecords.PayloadWith("category_id", w => w.AddInt64("category_id"u8, [1, 2, 3]))));
        Assert.Null(Problem(TestRecords.PayloadWith("category_id", w => w.AddBytes("category_id"u8, "x"u8))));
    }

    [Fact]
    public void TryParse_WrongKind_NamesFeatureAndBothKinds()
    {
        Assert.Equal("feature 'title' has Integers values, expected Bytes",
            Problem(TestRecords.PayloadWith("title", w => w.AddInt64("title"u8, [3]))));
        Assert.Equal("feature 'tag_id' has Bytes values, expected Integers",
            Problem(TestRecords.PayloadWith("tag_id", w => w.AddBytes("tag_id"u8, "3"u8))));
    }

    [Fact]
    public void TryParse_WrongNumberOfEntries_IsTold()
    {
        Assert.Equal("feature 'id' has 2 entries, expected 1",
            Problem(TestRecords.PayloadWith("id", w => w.AddEntries("id"u8, "1234"u8, 2))));
        Assert.Equal("feature 'title' has 0 entries, expected 1",
            Problem(TestRecords.PayloadWith("title", w => w.AddEntries("title"u8, [], 1))));
        Assert.Equal("there are no frames: feature 'frame_feature' has no entries",
            Problem(TestRecords.PayloadWith("frame_feature", w => w.AddEntries("frame_feature"u8, [], 1))));
    }

    [Theory]
    [InlineData("", "the id is empty")]
    [InlineData("1\t2", "the id has a tab, a line break or a NUL")]
    [InlineData("1\n2", "the id has a tab, a line break or a NUL")]
    [InlineData("1\r", "the id has a tab, a line break or a NUL")]
    [InlineData("\0", "the id has a tab, a line break or a NUL")]
    public void TryParse_IdThatIsNone_IsRefused(string id, string problem) =>
        Assert.Equal(problem, Problem(WithId(Encoding.UTF8.GetBytes(id))));

    [Fact]
    public void TryParse_IdOfUtf8_HasUpTo255Bytes()
    {
        Assert.Null(Problem(WithId("1 2"u8.ToArray())));
        Assert.Null(Problem(WithId(Encoding.UTF8.GetBytes(new string('视', 85)))));
        Assert.Equal("the id has 256 bytes; at most 255 are allowed", Problem(WithId(Encoding.UTF8.GetBytes(new string('视', 85) + "1"))));
        Assert.Equal("the id is not valid UTF-8", Problem(WithId([0xe4, 0xb8])));
    }

    private static byte[] WithId(byte[] id) => TestRecords.PayloadWith("id", w => w.AddBytes("id"u8, id));

    [Fact]
    public void TryParse_TitleNotUtf8_IsRefused() =>
        Assert.Equal("the title is not valid UTF-8",
            Problem(TestRecords.PayloadWith("title", w => w.AddBytes("title"u8, [0xe4, 0xb8]))));

    [Fact]
    public void TryParse_FrameOfWrongSize_IsNamedAndTheIdKept()
    {
        byte[] payload = TestRecords.PayloadWith("frame_feature", w =>
        {
            w.AddEntries("frame_feature"u8, new byte[30], 10);
        });
        Assert.False(ExampleParser.TryParse(payload, TestRecords.FrameWidth, out var example, out string? problem));
        Assert.Equal("frame 0 has 10 bytes, expected 12", problem);
        Assert.Equal("345", Encoding.UTF8.GetString(example.Id));
    }

    [Theory]
    [InlineData(0, 0, 0x7c00)]
    [InlineData(1, 31, 0xfc00)]
    [InlineData(1, 32, 0x7e01)]
    [InlineData(2, 36, 0xffff)]
    public void FramesAreFinite_OneValueIsNot_NamesFrameAndValue(int frame, int value, int bits)
    {
        const int width = 37; // two vectors and a tail
        var frames = new Half[3 * width];
        Array.Fill(frames, Half.MaxValue);
        frames[(frame * width) + value] = BitConverter.UInt16BitsToHalf((ushort)bits);
        byte[] payload = new ExampleWriter().WriteVideo("1"u8, ""u8, ""u8, frames, width, [], null).ToArray();

        Assert.True(ExampleParser.TryParse(payload, width, out var example, out _));
        Assert.False(ExampleParser.FramesAreFinite(example, out string? problem));
        Assert.Equal($"frame {frame} has NaN or infinity at value {value}", problem);
    }

    [Fact]
    public void TryParse_HostileLengths_AreRefused()
    {
        const string malformed = "the payload is not a tf.train.Example";
        Assert.Equal(malformed, Problem([0x0a, 5, 1])); // longer than what is left
        Assert.Equal(malformed, Problem([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])); // 2^64 - 1
        Assert.Equal(malformed, Problem([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])); // beyond 64 bits
        Assert.Equal(malformed, Problem([0x08, 0x80])); // ends inside a number
        Assert.Equal(malformed, Problem([0x00, 0x01])); // field 0
        Assert.Equal(malformed, Problem([0x13])); // a group
        Assert.Equal("feature 'id' is missing", Problem([]));
    }

    // A list of bytes that ends behind a tag, inside a length, or before the bytes of its length.
    [Theory]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x0a })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x0a, 0x80 })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x0a, 1 })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x10 })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x8a })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x00 })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x0b })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x15, 1, 2, 3 })]
    [InlineData(new byte[] { 0x0a, 2, (byte)'a', (byte)'b', 0x11, 1, 2, 3, 4 })]
    public void TryParse_ListThatEndsTooEarly_IsMalformed(byte[] list)
    {
        Assert.False(BytesList.TryParse(list, out _));
        Assert.False(Int64List.TryParse([0x08, 5, .. list[4..]], out _));
        Assert.Equal("the list of feature 'id' is malformed", Problem([.. Feature("id"u8, Field(1, list)), .. Without("id")]));
    }

    // Protobuf joins two maps into one; of two entries with one key the last one counts.
    [Fact]
    public void TryParse_TwoMapsAndTwoEntriesOfOneKey_AreMerged()
    {
        byte[] first = Feature("id"u8, Field(1, Field(1, "8"u8))), last = Feature("id"u8, Field(1, Field(1, "9"u8)));
        Assert.True(ExampleParser.TryParse([.. first, .. Without("id"), .. last], TestRecords.FrameWidth, out var example, out _));
        Assert.Equal("9", Encoding.UTF8.GetString(example.Id));
    }

    // Protobuf would join two lists of one kind, and take the last of two kinds.
    [Fact]
    public void TryParse_EntryWithTwoLists_IsRefusedByName()
    {
        const string problem = "feature 'id' has more than one list";
        byte[] bytes = Field(1, Field(1, "8"u8)), integers = Field(3, [0x08, 5]);
        Assert.Equal(problem, Problem([.. Feature("id"u8, [.. bytes, .. bytes]), .. Without("id")]));
        Assert.Equal(problem, Problem([.. Feature("id"u8, [.. integers, .. bytes]), .. Without("id")]));
        Assert.Equal(problem, Problem([.. Field(1, Field(1, [.. Field(1, "id"u8), .. Field(2, bytes), .. Field(2, bytes)])), .. Without("id")]));
        Assert.Equal(problem, Problem([.. Field(1, Field(1, [.. Field(1, "x"u8), .. Field(1, "id"u8), .. Field(2, bytes)])), .. Without("id")]));
        Assert.Equal("feature 'tag_id' has more than one list", Problem([.. Feature("tag_id"u8, [.. integers, .. integers]), .. Without("tag_id")]));
        Assert.Null(Problem([.. Feature("other"u8, [.. integers, .. integers]), .. TestRecords.Payload(0, 1)]));
        // Each of two values is a message, also of a feature that no model uses.
        Assert.Equal("the payload is not a tf.train.Example", Problem([.. Field(1, Field(1, [.. Field(1, "other"u8), .. Field(2, "category"u8), .. Field(2, bytes)])), .. TestRecords.Payload(0, 1)]));
        Assert.Null(ExampleParser.FindFrameWidth(Feature("frame_feature"u8, [.. bytes, .. bytes])));
    }

    [Fact]
    public void TryParse_MillionsOfTags_AreRefused()
    {
        long[] tags = new long[(1 << 20) + 1];
        Assert.Equal("feature 'tag_id' has 1048577 entries; at most 1048576 are allowed", Problem(TestRecords.PayloadWith("tag_id", w => w.AddInt64("tag_id"u8, tags))));
        Assert.Null(Problem(TestRecords.PayloadWith("tag_id", w => w.AddInt64("tag_id"u8, tags.AsSpan(1)))));
    }

    private static byte[] Feature(ReadOnlySpan<byte> name, byte[] feature) => Field(1, Field(1, [.. Field(1, name), .. Field(2, feature)]));

    private static byte[] Without(string name) => TestRecords.PayloadWith(name, null);

    [Fact]
    public void TryParse_RandomOrDamagedBytes_NeverThrows()
    {
        byte[] sound = TestRecords.Payload(3, 4);
        Gen.Byte.Array[0, 200].Sample(ParseAll, iter: 20_000);
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte, Gen.Int[0, sound.Length]).Sample((at, value, length) =>
        {
            byte[] damaged = sound.ToArray();
            damaged[at] = value;
            ParseAll(damaged);
            ParseAll(damaged[..length]);
        }, iter: 20_000);

        static void ParseAll(byte[] payload)
        {
            if (ExampleParser.TryParse(payload, TestRecords.FrameWidth, out var example, out string? problem))
            {
                Assert.Equal(example.Frames.Count * TestRecords.FrameWidth, FrameValues(example.Frames).Length);
                Assert.Equal(example.TagIds.Count, Values(example.TagIds).Length);
                ExampleParser.FramesAreFinite(example, out _);
            }
            else
            {
                Assert.NotEmpty(problem);
            }
        }
    }

    private static byte[] Field(int number, ReadOnlySpan<byte> content) =>
        [(byte)((number << 3) | 2), (byte)content.Length, .. content];

    private static string? Problem(byte[] payload)
    {
        ExampleParser.TryParse(payload, TestRecords.FrameWidth, out _, out string? problem);
        return problem;
    }

    private static long[] Values(Int64List list)
    {
        var values = new List<long>();
        foreach (long value in list)
            values.Add(value);

        return [.. values];
    }

    private static Half[] FrameValues(BytesList frames)
    {
        var values = new List<Half>();
        foreach (var frame in frames)
            values.AddRange(MemoryMarshal.Cast<byte, Half>(frame));

        return [.. values];
    }
}
