using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WriteTo_SmallFile_IsTheFormatToTheByte()
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("step", "7");
        writer.Add("gewicht.ß", new Shape(1, 2), new[] { 1f, -2f });
        writer.Add("flag", SafetensorsType.BOOL, [], (_, destination) => destination[0] = 1);

        const string Header =
            """{"__metadata__":{"step":"7"},"gewicht.ß":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"flag":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}""";
        byte[] expected = SafetensorsFile(Header, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1], pad: true);
        Assert.Equal(0, (expected.Length - 9) % 8);
        Assert.Equal(expected, Bytes(writer));
        Assert.Equal(expected, Bytes(writer));
    }

    // A type that no model reads may lie beside those that are read.
    [Theory]
    [InlineData("I8", 1)]
    [InlineData("U8", 1)]
    [InlineData("F8_E4M3", 1)]
    [InlineData("F8_E5M2", 1)]
    [InlineData("F8_E8M0", 1)]
    [InlineData("I16", 2)]
    [InlineData("U16", 2)]
    [InlineData("U32", 4)]
    [InlineData("U64", 8)]
    [InlineData("C64", 8)]
    public void Open_TypeOfTheFormat_IsKnownByItsSize(string type, int bytes)
    {
        using var reader = Open(SafetensorsFile($$$"""{"w":{"dtype":"{{{type}}}","shape":[3],"data_offsets":[0,{{{3 * bytes}}}]}}""", new byte[3 * bytes], pad: true));
        Assert.Equal((type, 3), (reader.Entries.Single().Type.ToString(), (int)reader.Entries.Single().ElementCount));
        Assert.Contains($"has type {type}, expected floating-point numbers", Assert.Throws<DataException>(() => reader.ReadFloats(reader.Entries.Single(), new float[3])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WriteTo_NoTensors_ReadsBackEmpty()
    {
        using var reader = Open(Bytes(new SafetensorsWriter()));
        Assert.Empty(reader.Entries);
        Assert.Empty(reader.Metadata);
    }

    [Fact]
    public unsafe void WriteTo_TensorLargerThanTheBuffer_ReadsBackFromMemoryAndFromASource()
    {
        // Past the writer's 1 MiB and the reader's 64 KiB chunks, and no multiple of either.
        float[] values = new float[300_001];
        for (int i = 0; i < values.Length; i++)
            values[i] = i - 0.5f;
        var requested = new List<long>();
        byte[] bytes;
        fixed (float* address = values)
        {
            var writer = new SafetensorsWriter();
            writer.Add("address", new Shape(values.Length), (nint)address);
            writer.Add("memory", new Shape(values.Length), values);
            writer.Add("source", SafetensorsType.F64, [values.Length], (offset, destination) =>
            {
                requested.Add(offset);
                var doubles = MemoryMarshal.Cast<byte, double>(destination);
                for (int i = 0; i < doubles.Length; i++)
                    doubles[i] = values[(offset / sizeof(double)) + i];
            });
            bytes = Bytes(writer);
        }

        Assert.Equal([0, 1 << 20, 2 << 20], requested);
        using var reader = Open(bytes);
        foreach (var entry in reader.Entries)
        {
            float[] read = new float[values.Length];
            reader.ReadFloats(entry, read);
            Assert.Equal(values, read);
        }
    }

    [Fact]
    public void ReadFloats_EveryFloatingType_GivesItsValues()
    {
        float[] values = [0f, -0f, 1.5f, -2.25f, 65504f, 5.9604645e-8f, float.PositiveInfinity, float.NaN];
        var writer = new SafetensorsWriter();
        AddAs(writer, SafetensorsType.F64, Array.ConvertAll(values, value => (double)value));
        AddAs(writer, SafetensorsType.F32, values);
        AddAs(writer, SafetensorsType.F16, Array.ConvertAll(values, value => (Half)value));
        AddAs(writer, SafetensorsType.BF16, Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)));

        using var reader = Open(Bytes(writer));
        foreach (var entry in reader.Entries)
        {
            float[] read = new float[values.Length];
            reader.ReadFloats(entry, read);
            // bfloat16 has too few digits for two of the values.
            float[] expected = entry.Type != SafetensorsType.BF16 ? values : Array.ConvertAll(
                values, value => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xffff0000));
            Assert.Equal(Array.ConvertAll(expected, BitConverter.SingleToUInt32Bits), Array.ConvertAll(read, BitConverter.SingleToUInt32Bits));
        }
    }

    [Fact]
    public void ReadBytes_EveryType_GivesItsBytes()
    {
        var writer = new SafetensorsWriter();
        foreach (var type in Enum.GetValues<SafetensorsType>())
        {
            byte[] content = Content(type);
            writer.Add(type.ToString(), type, [3, 1], (offset, destination) => content.AsSpan((int)offset, destination.Length).CopyTo(destination));
        }

        using var reader = Open(Bytes(writer));
        Assert.Equal(Enum.GetNames<SafetensorsType>(), reader.Entries.Select(entry => entry.Name));
        foreach (var entry in reader.Entries)
        {
            byte[] bytes = new byte[entry.ByteCount];
            reader.ReadBytes(entry, bytes);
            Assert.Equal(Content(entry.Type), bytes);
            Assert.Equal(3, entry.ElementCount);
        }

        static byte[] Content(SafetensorsType type)
        {
            byte[] content = new byte[3 * type.ByteSize()];
            Array.Fill(content, (byte)(17 + (int)type));
            return content;
        }
    }

    [Fact]
    public void ReadFloats_WholeNumbers_AreRefused()
    {
        var writer = new SafetensorsWriter();
        AddAs(writer, SafetensorsType.I32, [1, 2]);
        using var reader = Open(Bytes(writer));
        var failure = Assert.Throws<DataException>(() => reader.ReadFloats(reader.Entries[0], new float[2]));
        Assert.Equal($"{_folder["file"]}: tensor 'I32' has type I32, expected floating-point numbers", failure.Message);
    }

    [Fact]
    public void ReadFloats_FileCutShortAfterOpening_IsReported()
    {
        var writer = new SafetensorsWriter();
        writer.Add("w", new Shape(4), new float[4]);
        using var reader = Open(Bytes(writer));
        using (var file = new FileStream(_folder["file"], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            file.SetLength(file.Length - 1);
        var failure = Assert.Throws<DataException>(() => reader.ReadFloats(reader.Entries[0], new float[4]));
        Assert.Contains("tensor 'w'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_MissingTensorOrOtherShape_NamesWhatIsExpected()
    {
        var writer = new SafetensorsWriter();
        writer.Add("w", new Shape(2, 3), new float[6]);
        using var reader = Open(Bytes(writer));

        Assert.Equal([2, 3], reader.Find("w", new Shape(2, 3)).Shape);
        Assert.Null(reader.TryFind("v"));
        var missing = Assert.Throws<DataException>(() => reader.Find("v", new Shape(2, 3)));
        var other = Assert.Throws<DataException>(() => reader.Find("w", new Shape(3, 2)));
        Assert.Equal($"{_folder["file"]}: tensor 'v' is missing", missing.Message);
        Assert.Equal($"{_folder["file"]}: tensor 'w' has shape [2, 3], expected [3, 2]", other.Message);
    }

    [Fact]
    public void Add_ProgrammingMistakes_AreRefused()
    {
        var writer = new SafetensorsWriter();
        writer.Add("w", new Shape(2), new float[2]);
        Assert.Throws<ArgumentException>(() => writer.Add("w", new Shape(2), new float[2]));
        Assert.Throws<ArgumentException>(() => writer.Add("v", new Shape(3), new float[2]));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", new Shape(2), new float[2]));
        Assert.Throws<ArgumentException>(() => writer.Add("v", SafetensorsType.U8, [-1], (_, _) => { }));
    }

    [Fact]
    public void Open_FileOfAnotherWriter_IsUnderstood()
    {
        // The oracle's script writes with its own few lines of Python: names sorted, wider types first.
        using var reader = SafetensorsReader.Open(GoldenFile("mix/inference.safetensors"));
        var mask = reader.Entries.Single(entry => entry.Name == "input.attention_mask");
        byte[] bytes = new byte[mask.ByteCount];
        reader.ReadBytes(mask, bytes);

        Assert.Equal(SafetensorsType.I32, mask.Type);
        Assert.All(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), value => Assert.InRange(value, 0, 1));
        Assert.NotEmpty(reader.Metadata);
        var embedding = reader.TryFind("value.embedding")!;
        float[] values = new float[embedding.ElementCount];
        reader.ReadFloats(embedding, values);
        Assert.All(values, value => Assert.InRange(value, -100f, 100f));
        Assert.Contains(values, value => value != 0);
    }

    private static string GoldenFile(string name) => Path.Combine(Repository.Root, "tests", "Golden", name);

    /// <summary>A file put together by hand.</summary>
    internal static byte[] SafetensorsFile(string header, ReadOnlySpan<byte> data, bool pad = false)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        if (pad)
            json = [.. json, .. Enumerable.Repeat((byte)' ', (8 - (json.Length % 8)) % 8)];
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }

    internal static byte[] Bytes(SafetensorsWriter writer)
    {
        using var stream = new MemoryStream();
        writer.WriteTo(stream);
        return stream.ToArray();
    }

    private static void AddAs<T>(SafetensorsWriter writer, SafetensorsType type, T[] values) where T : unmanaged =>
        writer.Add(type.ToString(), type, [values.Length], (offset, destination) =>
            MemoryMarshal.AsBytes(values.AsSpan()).Slice((int)offset, destination.Length).CopyTo(destination));

    private SafetensorsReader Open(byte[] bytes)
    {
        File.WriteAllBytes(_folder["file"], bytes);
        return SafetensorsReader.Open(_folder["file"]);
    }
}
