using System.IO.Compression;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class EmbeddingOriginTests : IDisposable
{
    private static readonly string A = new('a', 64), B = new('b', 64);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The file of the challenge stays as it was.
    [Fact]
    public void Write_Zip_HasTheOriginAsItsCommentOnly()
    {
        var table = Tables.Of(("1", [0.5, 1]));
        SubmissionFile.Write(At("plain.zip"), table, EmbeddingRounding.Half);
        SubmissionFile.Write(At("named.zip"), table.From(new EmbeddingOrigin("mix", A, EmbeddingRounding.Double, Fold: 3)), EmbeddingRounding.Half);
        using var plain = ZipFile.OpenRead(At("plain.zip"));
        using var named = ZipFile.OpenRead(At("named.zip"));
        Assert.Equal(("", $$"""{"model":"mix","fold":3,"checkpoint":"{{A}}","precision":"float16"}"""), (plain.Comment, named.Comment));
        byte[] first = File.ReadAllBytes(At("plain.zip")), second = File.ReadAllBytes(At("named.zip"));
        Assert.Equal(first[..^2], second[..(first.Length - 2)]); // behind it are the length of the comment and the comment
        Assert.Null(SubmissionFile.OriginOf(At("plain.zip")));
        Assert.Equal(new EmbeddingOrigin("mix", A, EmbeddingRounding.Half, Fold: 3), SubmissionFile.OriginOf(At("named.zip")));
        Assert.Equal(SubmissionFile.OriginOf(At("named.zip")), SubmissionFile.Read(At("named.zip")).Origin);
    }

    [Theory]
    [InlineData(EmbeddingRounding.Half, null, 1)]
    [InlineData(EmbeddingRounding.Single, 11, 1)]
    [InlineData(EmbeddingRounding.Double, null, 66)]
    public void FromJson_OfToJson_IsTheSame(EmbeddingRounding precision, int? fold, int checkpoints)
    {
        var origin = new EmbeddingOrigin("mix-asl+uniter", B, precision, fold, checkpoints);
        Assert.Equal(origin, EmbeddingOrigin.FromJson(JsonNode.Parse(origin.ToJson().ToJsonString())!.AsObject()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("embeddings of mix")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"model":"mix","checkpoint":"A","precision":"float16"}""")]
    [InlineData("""{"model":"m\u001b[2J","checkpoint":"A64","precision":"float16"}""")]
    [InlineData("""{"model":"","checkpoint":"A64","precision":"float16"}""")]
    [InlineData("""{"model":7,"checkpoint":"A64","precision":"float16"}""")]
    [InlineData("""{"model":"mix","checkpoint":"A64","precision":"int8"}""")]
    [InlineData("""{"model":"mix","checkpoint":"A64"}""")]
    [InlineData("""{"model":"mix","checkpoint":"A64","precision":"float16","fold":0}""")]
    [InlineData("""{"model":"mix","checkpoint":"A64","precision":"float16","fold":"x"}""")]
    [InlineData("""{"model":"mix","checkpoint":"A64","precision":"float16","checkpoints":0}""")]
    [InlineData("""{"model":"mix","checkpoint":"A64","precision":"float16","precision":"float16"}""")]
    public void Parse_TheCommentOfAnotherProgram_IsNone(string comment)
    {
        comment = comment.Replace("A64", A, StringComparison.Ordinal);
        Assert.Null(EmbeddingOrigin.Parse(comment));
        SubmissionFile.Write(At("e.zip"), Tables.Of(("1", [0.5])), EmbeddingRounding.Half);
        using (var zip = ZipFile.Open(At("e.zip"), ZipArchiveMode.Update))
            zip.Comment = comment;
        Assert.Null(SubmissionFile.Read(At("e.zip")).Origin);
    }

    [Fact]
    public void Ensemble_HasTheOriginOfAllItsInputs()
    {
        EmbeddingTable a = Tables.Of(("1", [1.0])).From(new EmbeddingOrigin("mix", A, EmbeddingRounding.Half, Fold: 1)), b = Tables.Of(("1", [2.0])).From(new EmbeddingOrigin("mix", B, EmbeddingRounding.Half, Fold: 2)),
            unknown = Tables.Of(("1", [3.0]));
        var mean = Ensemble.Mean([a, b]).Origin!;
        Assert.Equal(("mix", null, 2, EmbeddingRounding.Double), (mean.Model, mean.Fold, mean.CheckpointCount, mean.Precision));
        var other = Tables.Of(("1", [2.0])).From(new EmbeddingOrigin("uniter", B, EmbeddingRounding.Half));
        var sum = Ensemble.WeightedSum([(Ensemble.Mean([a, b]), 0.5), (other, 2)], normalize: false).Origin!;
        Assert.Equal(("mix+uniter", 3), (sum.Model, sum.CheckpointCount));
        Assert.Null(Ensemble.Mean([a, unknown]).Origin);

        // Whatever changes the embeddings changes the checkpoint.
        EmbeddingOrigin[] all =
        [
            mean, sum, Ensemble.Mean([b, a]).Origin!, Ensemble.Mean([a]).Origin!, Ensemble.Mean([a, b], normalize: true).Origin!, Ensemble.WeightedSum([(a, 1), (b, 1)], normalize: false).Origin!,
            Ensemble.WeightedSum([(a, 1), (b, 2)], normalize: false).Origin!, Ensemble.WeightedSum([(a, 1), (b, 2)], normalize: true).Origin!,
        ];
        Assert.Distinct(all.Select(static origin => origin.Checkpoint));
        Assert.Equal(mean, Ensemble.Mean([a, b]).Origin);
        Assert.Equal(new EmbeddingOrigin("mix", mean.Checkpoint, EmbeddingRounding.Double, CheckpointCount: 2).ToString(), $"an ensemble of 2 checkpoints of mix ({mean.Checkpoint[..8]})");
    }

    [Fact]
    public void RequireSame_ComparesCheckpoints()
    {
        EmbeddingOrigin one = new("mix", A, EmbeddingRounding.Half, Fold: 1), two = new("uniter", B, EmbeddingRounding.Half);
        Assert.Null(EmbeddingOrigin.RequireSame("x", one, "y", one with { Precision = EmbeddingRounding.Single }));
        Assert.Equal("x: has embeddings of mix, fold 1 (checkpoint aaaaaaaa), but y has those of uniter (checkpoint bbbbbbbb): their cosines mean nothing",
            Assert.Throws<DataException>(() => EmbeddingOrigin.RequireSame("x", one, "y", two)).Message);
        Assert.Equal("warning: x does not say which model computed it; cosines with those of another model mean nothing", EmbeddingOrigin.RequireSame("x", null, "y", two));
        Assert.Equal("warning: y does not say which model computed it; cosines with those of another model mean nothing", EmbeddingOrigin.RequireSame("x", one, "y", null));
    }

    private string At(string name) => Path.Combine(_folder.Path, name);
}
