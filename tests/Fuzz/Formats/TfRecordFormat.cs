using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Records;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// Damaged TFRecord files. Checksums are not mended, so a payload that is read must be one of a valid file.
/// </summary>
internal sealed class TfRecordFormat() : Format("tfrecord", "videos.tfrecords", "TfRecordScanner, RecordIndex: every command that takes records")
{
    private readonly HashSet<string> _valid = [.. ExampleFormat.Videos().Select(Convert.ToBase64String)];

    public override IEnumerable<byte[]> Seeds() => [RecordFile.Of(ExampleFormat.Videos()), RecordFile.Of(ExampleFormat.Videos().Take(1))];

    public override void Read(string path, byte[] input)
    {
        string? problem = null;
        int good = 0;
        using (var scanner = new TfRecordScanner(path))
        {
            while (scanner.MoveNext())
            {
                if (scanner.Problem is { } bad)
                    problem ??= bad.ToString();
                else
                    Expect.That(_valid.Contains(Convert.ToBase64String(scanner.Payload)), "a damaged payload was taken");
                good += scanner.Problem is null ? 1 : 0;
            }
        }
        if (problem is null)
            return;
        if (good > 0)
        {
            var index = RecordIndex.Build([path], ExampleFormat.FrameWidth, skipBadRecords: true);
            Expect.Equal(good, index.Count, "number of valid records");
        }
        throw new DataException(problem);
    }
}
