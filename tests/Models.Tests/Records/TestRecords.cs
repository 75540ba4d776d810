using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Models.Records;

namespace VideoSim.Models.Tests.Records;

/// <summary>
/// Small records for tests: their frames have <see cref="FrameWidth"/> values, their ids are 100, 101, ...
/// </summary>
internal static class TestRecords
{
    internal const int FrameWidth = 6;

    internal static string Id(int i) => (100 + i).ToString(CultureInfo.InvariantCulture);

    internal static string Title(int i) => $"第{i}个标题";

    /// <summary>Frame f of video i holds i, f, 0.5, 0.5, ...</summary>
    internal static Half[] Frames(int i, int count)
    {
        var frames = new Half[count * FrameWidth];
        Array.Fill(frames, (Half)0.5f);
        for (int f = 0; f < count; f++)
        {
            frames[f * FrameWidth] = (Half)i;
            frames[(f * FrameWidth) + 1] = (Half)f;
        }

        return frames;
    }

    internal static byte[] Payload(int i, int frameCount) =>
        Payload(Id(i), Encoding.UTF8.GetBytes(Title(i)), Frames(i, frameCount));

    internal static byte[] Payload(string id, byte[] title, Half[] frames) =>
        new ExampleWriter().WriteVideo(Encoding.UTF8.GetBytes(id), title, "nan"u8, frames, FrameWidth, [7, 8], 10101).ToArray();

    /// <summary>A payload that lacks one feature, or has another one in its place.</summary>
    internal static byte[] PayloadWith(string replaced, Action<ExampleWriter>? replacement)
    {
        var writer = new ExampleWriter();
        Add("id", () => writer.AddBytes("id"u8, "345"u8));
        Add("title", () => writer.AddBytes("title"u8, "t"u8));
        Add("frame_feature", () => writer.AddEntries("frame_feature"u8, MemoryMarshal.AsBytes<Half>(Frames(0, 2)), 2 * FrameWidth));
        Add("tag_id", () => writer.AddInt64("tag_id"u8, [1]));
        return writer.Payload.ToArray();

        void Add(string name, Action add)
        {
            if (name != replaced)
                add();
            else
                replacement?.Invoke(writer);
        }
    }

    internal static byte[] File(params IEnumerable<byte[]> payloads)
    {
        var stream = new MemoryStream();
        using (var writer = new TfRecordWriter(stream))
        {
            foreach (byte[] payload in payloads)
                writer.Write(payload);
        }

        return stream.ToArray();
    }

    /// <summary>A file of videos 0, 1, ... with 1, 2, ... frames.</summary>
    internal static byte[] FileOf(int count) => File(Enumerable.Range(0, count).Select(i => Payload(i, i + 1)));
}
