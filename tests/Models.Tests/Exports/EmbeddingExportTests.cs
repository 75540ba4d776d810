using VideoSim.Models.Exports;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Exports;

public sealed class EmbeddingExportTests : IDisposable
{
    private readonly ExportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Formats => [.. EmbeddingExport.Formats];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Write_EqualEmbeddings_AreEqualBytes(string format)
    {
        var titles = new Dictionary<string, string> { ["video 3"] = "three" };
        byte[] first = File.ReadAllBytes(_folder.Export(format, ExportFolder.ManyRows(), titles, ExportFolder.Mix));
        Assert.Equal(first, File.ReadAllBytes(_folder.Export(format, ExportFolder.ManyRows(), titles, ExportFolder.Mix)));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Write_AfterAnInterruption_LeavesTheOldFile(string format)
    {
        string file = _folder.At("e." + format);
        File.WriteAllText(file, "old");
        using var source = _folder.Source(ExportFolder.ManyRows());
        using var stop = new CancellationTokenSource();
        var progress = new Stopping(stop);
        Assert.Throws<OperationCanceledException>(() => EmbeddingExport.Write(file, ExportFolder.WriterOf(format), new ExportedEmbeddings(source, null), progress, stop.Token));
        Assert.Equal((("exporting", 600), 256), (progress.Begun, progress.Done));
        Assert.Equal(["e.zip", "e." + format], Directory.GetFiles(Path.GetDirectoryName(file)!).Select(Path.GetFileName).OrderDescending());
        Assert.Equal("old", File.ReadAllText(file));
    }

    [Theory]
    [InlineData(EmbeddingRounding.Half, EmbeddingRounding.Half)]
    [InlineData(EmbeddingRounding.Single, EmbeddingRounding.Single)]
    [InlineData(EmbeddingRounding.Double, EmbeddingRounding.Single)]
    public void Origin_OfValuesInFloat32_HasTheirPrecision(EmbeddingRounding given, EmbeddingRounding expected)
    {
        SubmissionFile.Write(_folder.At("e.zip"), Submissions.Tables.Of(("a", [1])).From(ExportFolder.Mix), given);
        using var source = EmbeddingSource.Open(_folder.At("e.zip"));
        Assert.Equal(ExportFolder.Mix with { Precision = expected }, new ExportedEmbeddings(source, null).Origin);
    }

    // Stops at the first report.
    private sealed class Stopping(CancellationTokenSource stop) : IProgressSink
    {
        public (string, long) Begun { get; private set; }

        public long Done { get; private set; }

        public void Begin(string label, long total, long done) => Begun = (label, total);

        public void Report(long done, string text)
        {
            Done = done;
            stop.Cancel();
        }

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }
    }
}
