using System.IO.Compression;
using System.Text;
using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class SubmissionBadFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "is not valid JSON")]
    [InlineData("{}", "has no embeddings")]
    [InlineData("[]", "is not an object of embeddings")]
    [InlineData("5", "is not an object of embeddings")]
    [InlineData("""{"a":[1,2]""", "is not valid JSON")]
    [InlineData("""{"a":[1,2]}{}""", "is not valid JSON")]
    [InlineData("""{"a":1}""", "id 'a' needs a list of numbers")]
    [InlineData("""{"a":{"b":[1]}}""", "id 'a' needs a list of numbers")]
    [InlineData("""{"a":["1"]}""", "id 'a' needs a list of numbers")]
    [InlineData("""{"a":[null]}""", "id 'a' needs a list of numbers")]
    [InlineData("""{"a":[[1]]}""", "id 'a' is not valid JSON")]
    [InlineData("""{"a":[NaN]}""", "id 'a' has NaN, which is not a number in JSON")]
    [InlineData("""{"a":[1, NaN]}""", "id 'a' has NaN, which is not a number in JSON")]
    [InlineData("""{"a":[1,-Infinity]}""", "id 'a' has -Infinity, which is not a number in JSON")]
    [InlineData("""{"a":[Infinity]}""", "id 'a' has Infinity, which is not a number in JSON")]
    [InlineData("""{"a":[Nothing]}""", "id 'a' is not valid JSON")]
    [InlineData("""{"a":[1e999]}""", "id 'a' has the value Infinity")]
    [InlineData("""{"a":[]}""", "id 'a' has 0 values")]
    [InlineData("""{"a":[1,2],"b":[1]}""", "id 'b' has 1 values, but the ids before it have 2")]
    [InlineData("""{"a":[1],"\u0061":[1]}""", "id 'a' occurs twice")]
    [InlineData("""{"":[1]}""", "id '' is empty")]
    [InlineData("""{"\udc00":[1]}""", "not valid Unicode")]
    public void Read_WrongJson_NamesFileAndId(string json, string complaint)
    {
        Refused(_folder.Write("e.json", json), complaint);
        Refused(Zip(("result.json", json)), complaint);
    }

    [Fact]
    public void Read_TooManyDimensions_IsRefused() =>
        Refused(_folder.Write("e.json", $"{{\"a\":[{string.Join(",", new int[257])}]}}"), "id 'a' has more than 256 values");

    [Fact]
    public void Read_IdLongerThanTheBuffer_IsRefused() =>
        Refused(_folder.Write("e.json", $"{{\"{new string('a', 70_000)}\":[1]}}"), "has an id or a number of more than 65536 bytes");

    [Fact]
    public void Read_BlanksLongerThanTheBuffer_AreSkipped()
    {
        string path = _folder.Write("e.json", $"{new string(' ', 200_000)}{{\"a\":{new string('\n', 200_000)}[1]}}{new string(' ', 200_000)}");
        Assert.Equal(["a"], SubmissionFile.Read(path).Ids);
    }

    [Fact]
    public void Read_NoZip_IsRefused() => Refused(_folder.Write("e.zip", """{"a":[1]}"""), "not a zip, or damaged");

    [Fact]
    public void Read_ZipWithoutJson_IsRefused() => Refused(Zip(("results.txt", "{}"), ("._result.json", "{}")), "expected one result.json or one other .json, found none");

    [Fact]
    public void Read_ZipWithTwoResults_IsRefused() =>
        Refused(Zip(("result.json", "{}"), ("result.json", "{}")), "expected one result.json or one other .json, found 'result.json', 'result.json'");

    // The reference's own zips of folds are made so.
    [Fact]
    public void Read_ZipWithOneJsonOfAnotherName_TakesIt()
    {
        Assert.Equal(["a: 1"], Tables.Show(SubmissionFile.Read(Zip(("10fold_b_json/", ""), ("10fold_b_json/10fold_1_mix.json", """{"a":[1]}""")))));
        Refused(Zip(("a/1.json", "{}"), ("a/2.json", "{}")), "expected one result.json or one other .json, found 'a/1.json', 'a/2.json'");
        Assert.Equal(["a: 1"], Tables.Show(SubmissionFile.Read(Zip(("a/1.json", "{}"), ("result.json", """{"a":[1]}""")))));
    }

    [Fact]
    public void Read_ZipWithOtherFiles_IgnoresThem() =>
        Assert.Equal(["a: 1"], Tables.Show(SubmissionFile.Read(Zip(("__MACOSX/._result.json", "x"), ("result.json", """{"a":[1]}""")))));

    [Fact]
    public void Read_ZipBomb_StopsAtTheLimit()
    {
        string path = Zip(("result.json", $"{{\"a\":[{new string(' ', 1_000_000)}1]}}"));
        var builder = new EmbeddingTableBuilder(path);
        using var stream = File.OpenRead(path);
        Assert.True(stream.Length < 10_000);
        var failure = Assert.Throws<DataException>(() => SubmissionZip.Read(stream, json => SubmissionJsonReader.Read(json, builder.Add, path), path, maxUnpackedBytes: 100_000));
        Assert.Equal($"{path}: result.json unpacks to more than 100000 bytes", failure.Message);
    }

    // 256 MB of zeros in 2 MB, as rows of 256 numbers: 1 GB in memory.
    [Fact]
    public void Read_ZipOfZeros_IsRefusedBeforeTheMemoryIsTaken()
    {
        string row = $":[{string.Join(',', new int[256])}],";
        string path = Path.Combine(_folder.Path, "zeros.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        using (var writer = new StreamWriter(zip.CreateEntry("result.json", CompressionLevel.Fastest).Open()))
        {
            writer.Write("{");
            for (int i = 0; i < 200_000; i++)
                writer.Write($"\"{i}\"{row}");
            writer.Write("\"x\":[0]}");
        }
        string message = Assert.Throws<DataException>(() => SubmissionFile.Read(path, threads: 2)).Message;
        long length = new FileInfo(path).Length;
        Assert.Equal($"{path}: its embeddings would take more than {(1 << 28) + (8 * length)} bytes of memory, too much for a file of {length} bytes: a zip bomb?", message);
    }

    [Fact]
    public void Read_ZipWithHundredThousandFiles_IsRefusedByTheirList()
    {
        string path = Path.Combine(_folder.Path, "many.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            for (int i = 0; i < 30_000; i++)
                zip.CreateEntry($"{i}.json");
        }
        Refused(path, "more than 1048576 bytes would be read to find what is in it: damaged?");
    }

    [Fact]
    public void Read_ZipWithAnotherDigit_FailsItsCheckSum()
    {
        // Stored without compression, a flipped bit is another number and nothing else would notice.
        string path = Zip(CompressionLevel.NoCompression, ("result.json", """{"a":[1.25]}"""));
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf("1.25"u8)] = (byte)'3';
        File.WriteAllBytes(path, bytes);
        Refused(path, "result.json does not match its checksum");
    }

    [Fact]
    public void Read_RandomDamageToAZip_GivesTheEmbeddingsOrADataException()
    {
        var table = Tables.Of(("10", [0.5, 1, -2]), ("11", [0.25, 3, 4]), ("12", [7, 8, 9]));
        SubmissionFile.Write(Path.Combine(_folder.Path, "whole.zip"), table, EmbeddingRounding.Half);
        byte[] whole = File.ReadAllBytes(Path.Combine(_folder.Path, "whole.zip"));
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length * 5]).Sample((at, value, cut) =>
        {
            byte[] damaged = whole.ToArray();
            damaged[at] = value;
            string path = _folder.Write($"{Guid.NewGuid()}.zip", damaged[..Math.Min(cut, damaged.Length)]);
            try
            {
                Assert.Equal(Tables.Show(table), Tables.Show(SubmissionFile.Read(path)));
            }
            catch (DataException failure)
            {
                Assert.Contains(path, failure.Message, StringComparison.Ordinal);
            }
            File.Delete(path);
        }, iter: 400);
    }

    [Theory]
    [InlineData("<f4", 2, 2, 16, "a\nb\n", null)]
    [InlineData(">f4", 2, 2, 16, "a\nb\n", "expected a matrix")]
    [InlineData("<i4", 2, 2, 16, "a\nb\n", "expected a matrix")]
    [InlineData("<f4", 2, 0, 0, "a\nb\n", "expected a matrix of 1 to 256 columns")]
    [InlineData("<f4", 2, 257, 2056, "a\nb\n", "expected a matrix of 1 to 256 columns")]
    [InlineData("<f4", 2, 2, 15, "a\nb\n", "needs 16 bytes, the file has 15")]
    [InlineData("<f4", 2, 2, 17, "a\nb\n", "needs 16 bytes, the file has 17")]
    [InlineData("<f4", 0, 2, 0, "", "has no embeddings")]
    [InlineData("<f4", 2, 2, 16, "a\n", "2 rows, but")]
    [InlineData("<f4", 2, 2, 16, "a\na\n", "id 'a' occurs twice")]
    [InlineData("<f4", 2, 2, 16, "a\n\n", "2 rows, but")]
    [InlineData("<f4", 2, 2, 16, "\uFEFFa\r\nb\t\n\n", null)]
    [InlineData("<f4", 3, 2, 24, "a\n\nb\n", "id '' is empty")]
    [InlineData("<f4", 2, 2, 16, null, "e.npy: has no e.ids.txt beside it")]
    public void Read_Npy_IsCheckedAgainstItsHeaderAndIds(string type, int rows, int width, int dataBytes, string? ids, string? complaint)
    {
        if (ids is not null)
            _folder.Write("e.ids.txt", ids);
        string path = _folder.Write("e.npy", Npy($"{{'descr': '{type}', 'fortran_order': False, 'shape': ({rows}, {width}), }}", new byte[dataBytes]));
        if (complaint is null)
        {
            Assert.Equal(["a: 0, 0", "b: 0, 0"], Tables.Show(SubmissionFile.Read(path)));
        }
        else
        {
            var failure = Assert.Throws<DataException>(() => SubmissionFile.Read(path));
            Assert.Contains(complaint, failure.Message, StringComparison.Ordinal);
        }
    }

    // A Python dictionary has no order that counts.
    [Theory]
    [InlineData("{'shape': (2, 1), 'fortran_order': False, 'descr': '<f2'}", true)]
    [InlineData("{ 'fortran_order':False,'descr':'<f2' , 'shape':(2,1,), }", true)]
    [InlineData("{'descr': '<f2', 'fortran_order': True, 'shape': (2, 1), }", false)]
    [InlineData("{'descr': '<f2', 'descr': '<f2', 'shape': (2, 1), }", false)]
    [InlineData("{'descr': '<f2', 'fortran_order': False, }", false)]
    [InlineData("{'descr': '<f2' 'fortran_order': False, 'shape': (2, 1), }", false)]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1), 'more': 1}", false)]
    public void Read_NpyHeader_TakesItsKeysInAnyOrder(string header, bool taken)
    {
        _folder.Write("e.ids.txt", "a\nb\n");
        string path = _folder.Write("e.npy", Npy(header, [0, 0, 0, 0x3c]));
        if (taken)
            Assert.Equal(["a: 0", "b: 1"], Tables.Show(SubmissionFile.Read(path)));
        else
            Refused(path, "expected a matrix");
    }

    [Fact]
    public void Read_NpyWithNonFiniteValue_NamesTheId()
    {
        _folder.Write("e.ids.txt", "a\nb\n");
        Refused(_folder.Write("e.npy", Npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1), }", [0, 0, 0, 0x7c])), "id 'b' has the value Infinity");
    }

    [Fact]
    public void Read_NpyIdsNotUtf8_IsRefused()
    {
        _folder.Write("e.ids.txt", [0xff, (byte)'\n']);
        string path = _folder.Write("e.npy", Npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }", [0, 0]));
        var failure = Assert.Throws<DataException>(() => SubmissionFile.Read(path));
        Assert.Equal($"{Path.Combine(_folder.Path, "e.ids.txt")}: line 1 is not valid UTF-8", failure.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\u0093NUMPY\u0002\0\0\0\0\0")]
    [InlineData("\u0093NUMPY\u0001\0\u0040\0{'descr'")]
    [InlineData("\u0093NUMPY\u0001\0\u0003\0{}\n")]
    [InlineData("PK\u0003\u0004 something else")]
    public void Read_NotANpyFile_IsRefused(string latin1) => Refused(_folder.Write("e.npy", Encoding.Latin1.GetBytes(latin1)), "");

    [Theory]
    [InlineData("e.zip")]
    [InlineData("e.json")]
    [InlineData("e.npy")]
    public void Read_MissingFile_IsReported(string name) =>
        Refused(Path.Combine(_folder.Path, name), "cannot be read: there is no such file or folder");

    private static byte[] Npy(string header, byte[] data) =>
        [0x93, .. "NUMPY"u8, 1, 0, (byte)(header.Length + 1), 0, .. Encoding.ASCII.GetBytes(header), (byte)'\n', .. data];

    private string Zip(params (string Name, string Content)[] entries) => Zip(CompressionLevel.Optimal, entries);

    private string Zip(CompressionLevel level, params (string Name, string Content)[] entries)
    {
        string path = Path.Combine(_folder.Path, "e.zip");
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, content) in entries)
        {
            using var stream = zip.CreateEntry(name, level).Open();
            stream.Write(Encoding.UTF8.GetBytes(content));
        }
        return path;
    }

    private static void Refused(string path, string complaint)
    {
        var failure = Assert.Throws<DataException>(() => SubmissionFile.Read(path));
        Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(complaint, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }
}
