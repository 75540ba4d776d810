using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace VideoSim.Fuzz.Mutation;

/// <summary>Zip archives, written with right checksums and sizes.</summary>
internal static class ZipBytes
{
    private const int MostUnpacked = 1 << 20;

    // The names in the local header, the directory and the end record of a zip.
    private static readonly uint[] Signatures = [0x04034b50, 0x02014b50, 0x06054b50];

    /// <summary>An archive of files.</summary>
    public static byte[] Of(IEnumerable<(string Name, byte[] Content)> files, CompressionLevel level = CompressionLevel.Optimal, string comment = "")
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            zip.Comment = comment;
            foreach (var (name, content) in files)
            {
                var entry = zip.CreateEntry(name, level);
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // the same bytes at any time
                using var data = entry.Open();
                data.Write(content);
            }
        }
        return stream.ToArray();
    }

    /// <summary>
    /// Changes bytes of the archive, fields of its headers, or the content of a file and then its checksum and sizes.
    /// </summary>
    public static byte[] Mutate(Mutator mutator, byte[] input, Func<Mutator, byte[], byte[]> changeContent, CompressionLevel level)
    {
        switch (mutator.Random.Next(4))
        {
            case 0:
                return mutator.Bytes(input);
            case 1:
                return WithField(mutator, input);
            default:
                if (Files(input) is not { Count: > 0 } files)
                    return mutator.Bytes(input);
                int at = mutator.Random.Next(files.Count);
                if (mutator.OneIn(8))
                    files.Insert(at, (mutator.OneIn(2) ? files[at].Name : Name(mutator), files[at].Content));
                else if (mutator.OneIn(8))
                    files[at] = (Name(mutator), files[at].Content);
                else if (mutator.OneIn(16))
                    files.RemoveAt(at);
                else
                    files[at] = (files[at].Name, changeContent(mutator, files[at].Content));
                return Of(files, level);
        }
    }

    // A field of a header gets another number.
    private static byte[] WithField(Mutator mutator, byte[] input)
    {
        var headers = new List<int>();
        for (int at = 0; at + sizeof(uint) <= input.Length; at++)
        {
            if (Signatures.Contains(BinaryPrimitives.ReadUInt32LittleEndian(input.AsSpan(at))))
                headers.Add(at);
        }
        if (headers.Count == 0)
            return mutator.Bytes(input);
        int place = mutator.Pick(headers) + 4 + mutator.Random.Next(42), size = mutator.OneIn(2) ? 2 : 4;
        if (place + size > input.Length)
            return mutator.Bytes(input);
        byte[] number = BitConverter.GetBytes(mutator.Integer());
        return Mutator.Replace(input, place, size, number.AsSpan(0, size));
    }

    private static string Name(Mutator mutator)
    {
        string name = mutator.OneIn(3) ? mutator.Pick<string>(["result.json", "data.pkl", "a/data.pkl", "../result.json", "/etc/x.json", ".json", "byteorder"]) : Encoding.UTF8.GetString(mutator.Text());
        return name.Length is > 0 and < ushort.MaxValue / 4 ? name : "x.json";
    }

    private static List<(string Name, byte[] Content)>? Files(byte[] input)
    {
        try
        {
            using var zip = new ZipArchive(new MemoryStream(input), ZipArchiveMode.Read);
            var files = new List<(string, byte[])>();
            foreach (var entry in zip.Entries)
            {
                if (entry.Length > MostUnpacked)
                    return null;
                using var content = new MemoryStream();
                using var data = entry.Open();
                data.CopyTo(content);
                files.Add((entry.FullName, content.ToArray()));
            }
            return files;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
