using System.Buffers.Binary;
using System.Text;
using CsCheck;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class SafetensorsBadFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Each header stands before 8 bytes of data.
    [Theory]
    [InlineData("", "does not begin with '{'")]
    [InlineData("[]", "does not begin with '{'")]
    [InlineData(" {}", "does not begin with '{'")]
    [InlineData("{", "not valid JSON")]
    [InlineData("{}{}", "not valid JSON")]
    [InlineData("{}\0", "not valid JSON")]
    [InlineData("{}", "8 bytes after the last tensor")]
    [InlineData("""{"w":1}""", "'w' is not an object")]
    [InlineData("""{"w":{}}""", "'w' has no dtype")]
    [InlineData("""{"w":{"dtype":"F32"}}""", "'w' has no shape")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2]}}""", "'w' has no data_offsets")]
    [InlineData("""{"w":{"dtype":"F32","dtype":"F32"}}""", "'w' has two fields 'dtype'")]
    [InlineData("""{"w":{"dtype":"F32","stride":[2]}}""", "'w' has an unknown field 'stride'")]
    [InlineData("""{"w":{"dtype":"F8","shape":[2],"data_offsets":[0,8]}}""", "'w' has the unknown dtype 'F8'")]
    [InlineData("""{"w":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}""", "'w' has the unknown dtype 'f32'")]
    [InlineData("""{"w":{"dtype":"1","shape":[2],"data_offsets":[0,8]}}""", "'w' has the unknown dtype '1'")]
    [InlineData("""{"w":{"dtype":"11","shape":[2],"data_offsets":[0,8]}}""", "'w' has the unknown dtype '11'")]
    [InlineData("""{"w":{"dtype":"F32, F64","shape":[2],"data_offsets":[0,8]}}""", "'w' has the unknown dtype")]
    [InlineData("""{"w":{"dtype":null,"shape":[2],"data_offsets":[0,8]}}""", "'w' has a dtype that is not a text")]
    [InlineData("""{"w":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", "'w' has a shape that is not a list")]
    [InlineData("""{"w":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}}""", "'w' has a shape with a value that is not a 64-bit integer")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", "'w' has a shape with a value that is not a 64-bit integer")]
    [InlineData("""{"w":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}""", "'w' has a shape with a value that is not a 64-bit integer")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "'w' has the impossible shape [-2]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}""", "'w' has the impossible shape [-2, -1]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""", "'w' has the impossible shape")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2305843009213693954],"data_offsets":[0,8]}}""", "'w' has the impossible shape")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "needs 12 bytes, its range has 8")]
    [InlineData("""{"w":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}""", "needs 16 bytes, its range has 8")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "'w' ends at byte 12 of the data, but only 8 bytes are there")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", "'w' has the byte range [0]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", "'w' has a data_offsets of more than 2")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "'w' has the byte range [8, 0]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", "'w' has the byte range [-8, 0]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "names 'w' twice")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0077":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "names 'w' twice")]
    [InlineData("""{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'w' begins at byte 4 of the data, inside")]
    [InlineData("""{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'w' begins at byte 0 of the data, inside")]
    [InlineData("""{"v":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'w' begins at byte 4 of the data and leaves a gap after byte 2")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "4 bytes after the last tensor")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":[]}""", "metadata is not an object")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":1}}""", "metadata 'a' is not a text")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":"1","a":"1"}}""", "metadata 'a' is given twice")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{},"__metadata__":{}}""", "names '__metadata__' twice")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not valid Unicode")]
    [InlineData("""{"a\nb":{}}""", @"'a\u000ab' has no dtype")]
    public void Open_WrongHeader_NamesFileAndTensor(string header, string complaint)
    {
        string path = _folder["model.safetensors"];
        File.WriteAllBytes(path, SafetensorsTests.SafetensorsFile(header, new byte[8]));
        var failure = Assert.Throws<DataException>(() => SafetensorsReader.Open(path));

        Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(complaint, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void Open_DeepNesting_IsRefused() => Refused(
        SafetensorsTests.SafetensorsFile($$"""{"w":{{new string('[', 100_000)}}""", []), "not an object");

    [Fact]
    public void Open_NestedShape_IsRefused() => Refused(
        SafetensorsTests.SafetensorsFile($$"""{"w":{"shape":{{new string('[', 100_000)}}""", []), "a value that is not a 64-bit integer");

    [Fact]
    public void Open_TooManyDimensions_IsRefused() => Refused(
        SafetensorsTests.SafetensorsFile(
            $$$"""{"w":{"dtype":"U8","shape":[{{{string.Join(",", Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""", [0]),
        "more than 64 numbers");

    [Fact]
    public void Open_EmptyFile_IsRefused() => Refused([], "0 bytes are too few");

    [Fact]
    public void Open_LengthBeyondTheFile_IsRefused() => Refused([16, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "header of 16 bytes, but the file has 10");

    [Fact]
    public void Open_LengthBeyondTheLimit_IsRefusedWithoutReadingIt() =>
        Refused([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "header of 18446744073709551615 bytes, more than");

    [Fact]
    public void Open_MissingFile_IsReported()
    {
        var failure = Assert.Throws<DataException>(() => SafetensorsReader.Open(_folder["nowhere"]));
        Assert.Equal($"{_folder["nowhere"]}: cannot be read: there is no such file or folder", failure.Message);
    }

    [Fact]
    public void Open_Folder_IsReported()
    {
        var failure = Assert.Throws<DataException>(() => SafetensorsReader.Open(_folder.Path));
        Assert.StartsWith($"{_folder.Path}: cannot be read: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EveryTruncation_IsRefused()
    {
        byte[] whole = ValidFile();
        for (int length = 0; length < whole.Length; length++)
            Refused(whole[..length], "");
        Refused([.. whole, 0], "1 bytes after the last tensor");
    }

    // Edits of the header's text reach deeper than random bits: most leave valid JSON.
    [Fact]
    public void Parse_RandomEditsOfTheHeader_GiveDisjointRangesOrADataException()
    {
        byte[] whole = ValidFile();
        int headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(whole);
        byte[] header = whole[8..(8 + headerBytes)];
        int data = whole.Length - 8 - headerBytes;
        var edit = Gen.Select(Gen.Int[0, headerBytes - 1], Gen.Char["""{}[]",:0123456789-eF.\ """], Gen.Int[0, 2]);
        edit.Array[1, 4].Sample(edits =>
        {
            var edited = header.ToList();
            foreach (var (at, character, kind) in edits)
            {
                int position = Math.Min(at, edited.Count - 1);
                switch (kind)
                {
                    case 0:
                        edited[position] = (byte)character;
                        break;
                    case 1:
                        edited.Insert(position, (byte)character);
                        break;
                    default:
                        edited.RemoveAt(position);
                        break;
                }
            }
            try
            {
                var (_, entries) = SafetensorsHeader.Parse([.. edited], data, "file");
                long end = 0L;
                foreach (var entry in entries.OrderBy(entry => entry.Offset).ThenBy(entry => entry.ByteCount))
                {
                    Assert.Equal(end, entry.Offset);
                    Assert.Equal(entry.ByteCount, entry.Shape.Aggregate(1L, (product, dimension) => product * dimension) * entry.Type.ByteSize());
                    end += entry.ByteCount;
                }
                Assert.Equal(data, end);
            }
            catch (DataException failure)
            {
                Assert.StartsWith("file: ", failure.Message, StringComparison.Ordinal);
            }
        }, iter: 5_000);
    }

    [Fact]
    public void Open_RandomCorruptions_ReadTheFilesBytesOrGiveADataException()
    {
        byte[] whole = ValidFile();
        var change = Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte);
        Gen.Select(change.Array[1, 3], Gen.Int[0, whole.Length * 10]).Sample((changes, cut) =>
        {
            byte[] corrupt = whole.ToArray();
            foreach (var (at, value) in changes)
                corrupt[at] = value;
            corrupt = corrupt[..Math.Min(cut, corrupt.Length)];
            string path = _folder[Guid.NewGuid().ToString()];
            File.WriteAllBytes(path, corrupt);
            try
            {
                using var reader = SafetensorsReader.Open(path);
                ReadAll(reader, corrupt);
            }
            catch (DataException failure)
            {
                Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
            }
            File.Delete(path);
        }, iter: 400);
    }

    // Each takes some hundred bytes of memory, and 60 bytes of the header.
    [Theory]
    [InlineData("\"t{0}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", "has more than 100000 tensors")]
    [InlineData("\"t{0}\":\"\"", "has more than 100000 texts of metadata")]
    public void Open_MoreEntriesThanAModelHas_IsRefused(string entry, string complaint)
    {
        string entries = string.Join(',', Enumerable.Range(0, 100_001).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, entry, i)));
        byte[] header = Encoding.UTF8.GetBytes(complaint.EndsWith("metadata", StringComparison.Ordinal) ? $"{{\"__metadata__\":{{{entries}}}}}" : $"{{{entries}}}");
        Refused([.. BitConverter.GetBytes((long)header.Length), .. header], complaint);
    }

    private static void ReadAll(SafetensorsReader reader, byte[] file)
    {
        long dataStart = 8 + BinaryPrimitives.ReadInt64LittleEndian(file);
        foreach (var entry in reader.Entries)
        {
            byte[] bytes = new byte[entry.ByteCount];
            reader.ReadBytes(entry, bytes);
            Assert.Equal(file.AsSpan((int)(dataStart + entry.Offset), bytes.Length).ToArray(), bytes);
            if (entry.Type is SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.F64)
                reader.ReadFloats(entry, new float[entry.ElementCount]);
        }
    }

    private static byte[] ValidFile()
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("step", "12");
        writer.Add("a.weight", new Shape(2, 3), new float[] { 1, 2, 3, 4, 5, 6 });
        writer.Add("empty", new Shape(0), Array.Empty<float>());
        writer.Add("half", SafetensorsType.F16, [2, 2], (_, destination) => destination.Fill(0x3c));
        writer.Add("ids", SafetensorsType.I64, [], (_, destination) => destination.Fill(7));
        return SafetensorsTests.Bytes(writer);
    }

    private void Refused(byte[] file, string complaint)
    {
        string path = _folder["model.safetensors"];
        File.WriteAllBytes(path, file);
        var failure = Assert.Throws<DataException>(() => SafetensorsReader.Open(path));
        Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(complaint, failure.Message, StringComparison.Ordinal);
        Assert.True(failure.Message.Length < path.Length + 300, "a hostile file makes a long message");
        Assert.Equal(failure.Message, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(failure.Message)));
    }
}
