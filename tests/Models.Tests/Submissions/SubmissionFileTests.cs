using System.IO.Compression;
using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class SubmissionFileTests : IDisposable
{
    private static readonly string[] Kinds = [".zip", ".json", ".npy"];

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string At(string name) => Path.Combine(_folder.Path, name);

    // docs/reference-system.md, section 1.7: a float16 is printed as the shortest decimal that gives its exact value
    // as a double.
    [Fact]
    public void Write_HalfPrecisionJson_PrintsTheRoundedValuesExactly()
    {
        var table = Tables.Of(("10", [0.1, 1, -0.0]), ("视频", [65504, 6e-8, -0.3333]));
        SubmissionFile.Write(At("e.json"), table, EmbeddingRounding.Half);

        Assert.Equal(
            """{"10":[0.0999755859375,1,-0],"视频":[65504,5.960464477539063E-08,-0.333251953125]}""",
            File.ReadAllText(At("e.json")));
    }

    [Fact]
    public void Write_DoublePrecisionJson_PrintsTheValuesInFull()
    {
        SubmissionFile.Write(At("e.json"), Tables.Of(("10", [0.1, 1.0 / 3])), EmbeddingRounding.Double);
        Assert.Equal("""{"10":[0.1,0.3333333333333333]}""", File.ReadAllText(At("e.json")));
    }

    [Fact]
    public void Write_Zip_HoldsOneDeflatedResultAndTheSameBytesEveryTime()
    {
        var table = Tables.Of(("10", new double[64]), ("11", new double[64]));
        SubmissionFile.Write(At("a.zip"), table, EmbeddingRounding.Half);
        SubmissionFile.Write(At("b.json"), table, EmbeddingRounding.Half);
        SubmissionFile.Write(At("c.zip"), table, EmbeddingRounding.Half);
        Assert.Equal(File.ReadAllBytes(At("a.zip")), File.ReadAllBytes(At("c.zip")));
        using var zip = ZipFile.OpenRead(At("a.zip"));
        var entry = Assert.Single(zip.Entries);
        Assert.Equal("result.json", entry.FullName);
        // The one place of a zip that could name the clock.
        Assert.Equal(1980, entry.LastWriteTime.Year);
        Assert.True(entry.CompressedLength < entry.Length);
        using var text = new StreamReader(entry.Open());
        Assert.Equal(File.ReadAllText(At("b.json")), text.ReadToEnd());
    }

    [Theory]
    [InlineData(EmbeddingRounding.Half, "<f2", "003c00b8662eff7b01000080")]
    [InlineData(EmbeddingRounding.Single, "<f4", "0000803f000000bfcdcccc3d00e07f4759d9803300000080")]
    [InlineData(EmbeddingRounding.Double, "<f8",
        "000000000000f03f000000000000e0bf9a9999999999b93f0000000000fcef402b69a4292b1b703e0000000000000080")]
    public void Write_Npy_IsWhatNumpyWrites(EmbeddingRounding precision, string type, string data)
    {
        var table = Tables.Of(("a", [1, -0.5]), ("b", [0.1, 65504]), ("c", [6e-8, -0.0]));
        SubmissionFile.Write(At("e.npy"), table, precision);

        byte[] bytes = File.ReadAllBytes(At("e.npy"));
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': (3, 2), }}".PadRight(117) + "\n";
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0, 118, 0], bytes[..10]);
        Assert.Equal(header, System.Text.Encoding.ASCII.GetString(bytes[10..128]));
        Assert.Equal(data, Convert.ToHexStringLower(bytes[128..]));
        Assert.Equal("a\nb\nc\n", File.ReadAllText(At("e.ids.txt")));
    }

    [Fact]
    public void Read_EveryKindAndPrecision_GivesTheRoundedValues()
    {
        var embedding = Gen.Double[-60000, 60000].Array[3];
        Gen.Select(embedding.Array[1, 5], Gen.Enum<EmbeddingRounding>(), Gen.Int[0, 2]).Sample((rows, precision, kind) =>
        {
            var table = Tables.Of([.. rows.Select((row, index) => ($"id \"{index}\" \u4f60", row))]);
            string path = At(Guid.NewGuid() + Kinds[kind]);
            SubmissionFile.Write(path, table, precision);
            var read = SubmissionFile.Read(path);

            Assert.Equal(table.Ids, read.Ids);
            for (int row = 0; row < rows.Length; row++)
            {
                double[] expected = precision switch
                {
                    EmbeddingRounding.Half => Array.ConvertAll(rows[row], value => (double)(Half)value),
                    EmbeddingRounding.Single => Array.ConvertAll(rows[row], value => (double)(float)value),
                    _ => rows[row],
                };
                Assert.Equal(expected, read[row].ToArray());
            }
        }, iter: 60);
    }

    [Fact]
    public void Read_MoreThanABuffer_LosesNothing()
    {
        var random = new Random(5);
        var table = Tables.Of([.. Enumerable.Range(0, 300).Select(index => (
            $"{index * 1234567L}", Enumerable.Range(0, 256).Select(_ => random.NextDouble() - 0.5).ToArray()))]);
        foreach (string kind in Kinds)
        {
            SubmissionFile.Write(At("e" + kind), table, EmbeddingRounding.Double);
            Assert.Equal(Tables.Show(table), Tables.Show(SubmissionFile.Read(At("e" + kind))));
        }
    }

    [Fact]
    public void Write_ValueTooLargeForHalf_NamesFileAndIdAndKeepsTheOldFile()
    {
        string path = _folder.Write("e.zip", "old");
        var failure = Assert.Throws<DataException>(
            () => SubmissionFile.Write(path, Tables.Of(("10", [1, 2]), ("11", [1, -70000])), EmbeddingRounding.Half));

        Assert.Equal($"{path}: id '11' has the value -70000, too large for Half precision", failure.Message);
        Assert.Equal("old", File.ReadAllText(path));
    }

    [Fact]
    public void Write_UnwritableFolder_NamesFile()
    {
        string path = Path.Combine(_folder.Write("file", ""), "e.zip");
        var failure = Assert.Throws<DataException>(() => SubmissionFile.Write(path, Tables.Of(("a", [1])), EmbeddingRounding.Half));
        Assert.StartsWith($"{path}: cannot be written: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_UnknownEnding_IsRefused()
    {
        var failure = Assert.Throws<DataException>(() => SubmissionFile.Write(At("e.csv"), Tables.Of(("a", [1])), EmbeddingRounding.Half));
        Assert.Contains(".zip, .json or .npy", failure.Message, StringComparison.Ordinal);
    }

    // What reading would take for the end of a line, or for no part of it.
    [Theory]
    [InlineData("a\nb", @"a\u000ab")]
    [InlineData("a\t", @"a\u0009")]
    [InlineData("a\r", @"a\u000d")]
    public void Write_NpyWithIdThatFitsOnNoLine_IsRefused(string id, string shown)
    {
        var failure = Assert.Throws<DataException>(() => SubmissionFile.Write(At("e.npy"), Tables.Of((id, [1])), EmbeddingRounding.Half));
        Assert.Equal($"{At("e.npy")}: id '{shown}' does not fit on a line of {At("e.ids.txt")}", failure.Message);
        Assert.False(File.Exists(At("e.npy")));
    }

    [Fact]
    public void Write_NpyWithOddIds_ReadsThemBack()
    {
        var table = Tables.Of(("a\rb", [1]), (" 标题 ", [2]), ("\u2028", [3]), ("\uFEFFx", [4]), (" ", [5]));
        SubmissionFile.Write(At("e.npy"), table, EmbeddingRounding.Half);
        Assert.Equal(Tables.Show(table), Tables.Show(SubmissionFile.Read(At("e.npy"))));
        // The first bytes of a file may be a byte order mark.
        table = Tables.Of(("\uFEFFx", [4]), ("y", [5]));
        SubmissionFile.Write(At("e.npy"), table, EmbeddingRounding.Half);
        Assert.Equal(Tables.Show(table), Tables.Show(SubmissionFile.Read(At("e.npy"))));
    }
}
