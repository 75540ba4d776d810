using System.Buffers.Binary;
using System.Text.Json;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Fuzz.Mutation;

namespace VideoSim.Fuzz.Formats;

/// <summary>Safetensors: damaged anywhere, or with a changed header and its right length.</summary>
internal sealed class SafetensorsFormat() : Format("safetensors", "model.safetensors", "SafetensorsReader: weights of model folders, checkpoints and encoders")
{
    private const int LengthBytes = sizeof(ulong);

    private static readonly Dictionary<string, int> Sizes = new()
    {
        ["BOOL"] = 1, ["U8"] = 1, ["F8_E8M0"] = 1, ["C64"] = 8, ["I8"] = 1, ["F8_E5M2"] = 1, ["F8_E4M3"] = 1, ["U16"] = 2, ["I16"] = 2, ["F16"] = 2, ["BF16"] = 2, ["U32"] = 4, ["I32"] = 4, ["F32"] = 4, ["U64"] = 8, ["I64"] = 8, ["F64"] = 8,
    };

    public override IEnumerable<byte[]> Seeds()
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt");
        writer.Add("a.weight", new Shape(2, 3), new float[] { 1, -2, 3, 4, 5, 6 });
        writer.Add("b", new Shape(1), new float[] { 0.5f });
        using var stream = new MemoryStream();
        writer.WriteTo(stream);
        yield return stream.ToArray();
        yield return Of("""{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"y":{"dtype":"I64","shape":[],"data_offsets":[4,12]},"z":{"dtype":"BF16","shape":[0,5],"data_offsets":[12,12]}}"""u8, new byte[12]);
        yield return Of("""{"__metadata__":{"a":"b"},"d":{"dtype":"F64","shape":[1,1,1],"data_offsets":[0,8]}}   """u8, new byte[8]);
    }

    public override byte[] Mutate(Mutator mutator, byte[] input) => Change(mutator, input);

    /// <summary>Changes a file anywhere, or its header alone.</summary>
    public static byte[] Change(Mutator mutator, byte[] input)
    {
        if (mutator.OneIn(3) || Split(input) is not { } header)
            return mutator.Bytes(input);
        return Of(mutator.Json(input[LengthBytes..header]), input.AsSpan(header));
    }

    public override void Read(string path, byte[] input)
    {
        using var reader = SafetensorsReader.Open(path);
        int header = Split(input) ?? throw new WrongValueException("a wrong header's length was taken", "");
        var json = JsonOracle.Strict(input[LengthBytes..header]);
        long end = 0;
        var places = new List<(long From, long To)>();
        int entries = 0;
        foreach (var property in json.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                foreach (var text in property.Value.EnumerateObject())
                    Expect.Equal(text.Value.GetString(), reader.Metadata.GetValueOrDefault(text.Name), "metadata");
                continue;
            }
            Check(reader, input, header, property.Name, property.Value, places);
            entries++;
        }
        foreach (var (from, to) in places.Order())
        {
            Expect.Equal(end, from, "begin of a tensor");
            end = to;
        }
        Expect.Equal(input.Length - header, end, "end of the tensors");
        Expect.Equal(entries, reader.Entries.Count, "number of tensors");
    }

    private static void Check(SafetensorsReader reader, byte[] input, int header, string name, JsonElement text, List<(long From, long To)> places)
    {
        var entry = reader.TryFind(name) ?? throw new WrongValueException("a tensor is missing", name);
        string type = text.GetProperty("dtype").GetString()!;
        long[] shape = [.. text.GetProperty("shape").EnumerateArray().Select(static size => size.GetInt64())], range = [.. text.GetProperty("data_offsets").EnumerateArray().Select(static at => at.GetInt64())];
        Expect.Equal(3, text.EnumerateObject().Count(), "fields of a tensor");
        Expect.Equal(type, entry.Type.ToString(), "dtype");
        Expect.Items<long>(shape, entry.Shape.AsSpan(), "shape");
        Expect.Equal(shape.Aggregate((Int128)Sizes[type], static (bytes, size) => bytes * size), (Int128)(range[1] - range[0]), "size of a tensor");
        Expect.That(shape.All(static size => size >= 0) && range[0] >= 0 && range[1] >= range[0], "a negative size was taken");
        places.Add((range[0], range[1]));
        byte[] bytes = new byte[entry.ByteCount];
        reader.ReadBytes(entry, bytes);
        Expect.Items<byte>(input.AsSpan(header + (int)range[0], bytes.Length), bytes, "bytes of a tensor");
        if (type is not ("F32" or "F16" or "F64"))
            return;
        float[] floats = new float[entry.ElementCount];
        reader.ReadFloats(entry, floats);
        for (int i = 0; i < floats.Length; i++)
        {
            float expected = type switch
            {
                "F32" => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(4 * i)),
                "F16" => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(2 * i)),
                _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(8 * i)),
            };
            Expect.Equal(expected, floats[i], "value of a tensor");
        }
    }

    private static byte[] Of(ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        byte[] length = new byte[LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }

    // Where the header ends; null if it does not end in the file.
    private static int? Split(byte[] input) => input.Length >= LengthBytes && BinaryPrimitives.ReadUInt64LittleEndian(input) is var length && length <= (ulong)(input.Length - LengthBytes)
        ? LengthBytes + (int)length : null;
}
