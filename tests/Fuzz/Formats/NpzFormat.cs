using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Submissions;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// Arrays of embeddings for NumPy in a zip: damaged, or with changed arrays behind right checksums. What is taken is
/// compared with System.IO.Compression and a reader of arrays, also if the rows are read by their position.
/// </summary>
internal sealed class NpzFormat() : Format("npz", "e.npz", "NpzEmbeddings, EmbeddingSource: --embeddings, ensemble, search")
{
    private static readonly string[] Names = ["ids.npy", "embeddings.npy", "origin.npy", "titles.npy"];

    private static readonly UTF32Encoding Strict = new(bigEndian: false, byteOrderMark: false, throwOnInvalidCharacters: true);

    // A zip may unpack to a thousand times its size.
    public override long FreeBytes => 1 << 28;

    public override IEnumerable<byte[]> Seeds()
    {
        string json = $$"""{"model":"mix","fold":3,"checkpoint":"{{new string('a', 64)}}","precision":"float16"}""";
        byte[] ids = Texts("(3,)", 3, "1", "b c", "三"), origin = Texts("()", json.Length, json);
        byte[] singles = NumpyFile.Of(NumpyFile.Header("<f4", 3, 2), MemoryMarshal.AsBytes<float>([1, 2, 3, -4, 5, 6.5f])), halves = NumpyFile.Of(NumpyFile.Header("<f2", 3, 1), MemoryMarshal.AsBytes<Half>([(Half)1, (Half)(-2), (Half)0.5]));
        yield return ZipBytes.Of([("ids.npy", ids), ("embeddings.npy", singles)], CompressionLevel.NoCompression);
        yield return ZipBytes.Of([("ids.npy", ids), ("titles.npy", ids), ("origin.npy", origin), ("embeddings.npy", halves)], CompressionLevel.NoCompression);
        yield return ZipBytes.Of([("embeddings.npy", singles), ("origin.npy", origin), ("ids.npy", ids)]);
    }

    public override byte[] Mutate(Mutator mutator, byte[] input) =>
        ZipBytes.Mutate(mutator, input, static (mutator, content) => NumpyFile.Mutate(mutator, content), mutator.OneIn(2) ? CompressionLevel.NoCompression : CompressionLevel.Optimal);

    public override void Read(string path, byte[] input)
    {
        EmbeddingTable? table = null;
        DataException? refusal = null;
        try
        {
            table = SubmissionFile.Read(path, threads: 1);
        }
        catch (DataException e)
        {
            refusal = e;
        }
        double[]? rows = null;
        try
        {
            using var source = EmbeddingSource.Open(path);
            double[] all = new double[source.Ids.Count * source.Width];
            source.Read(0, all);
            rows = all;
            Expect.Equal(table?.Origin, source.Origin, "origin of both readers");
        }
        catch (DataException e) when (refusal is not null)
        {
            Expect.That(e.Message.StartsWith(path, StringComparison.Ordinal), "message of the reader by position", e.Message);
        }
        if (refusal is not null)
        {
            Expect.That(rows is null, "one reader refused what the other took", refusal.Message);
            throw refusal;
        }
        Compare(input, table!, rows!);
    }

    private static void Compare(byte[] input, EmbeddingTable table, double[] rows)
    {
        using var zip = new ZipArchive(new MemoryStream(input), ZipArchiveMode.Read);
        byte[][] arrays = [.. Names[..2].Select(name => Content(zip.Entries.Single(entry => entry.FullName == name)))];
        var texts = NumpyFile.Read(arrays[0]) ?? throw new WrongValueException("a wrong header of ids was taken", "");
        var values = NumpyFile.Read(arrays[1]) ?? throw new WrongValueException("a wrong header of embeddings was taken", "");
        int length = int.Parse(texts.Type.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture) * sizeof(uint);
        Expect.Equal("<U", texts.Type[..2], "type of the ids");
        string[] ids = [.. Enumerable.Range(0, (int)texts.Shape.Single()).Select(row => Strict.GetString(arrays[0], texts.Start + (row * length), length).TrimEnd('\0'))];
        Expect.Items<long>([ids.Length, table.Width], values.Shape, "shape");
        Expect.Equal(values.Start + ((long)ids.Length * table.Width * (values.Type[2] - '0')), arrays[1].Length, "size of the array");
        SubmissionOracle.Same(ids, [.. Enumerable.Range(0, ids.Length).Select(row => Enumerable.Range(row * table.Width, table.Width).Select(i => values.Value(arrays[1], i)).ToArray())], table);
        for (int row = 0; row < ids.Length; row++)
            Expect.Items(table[row], rows.AsSpan(row * table.Width, table.Width), "values by their position");
        if (table.Origin is { } origin)
        {
            byte[] array = Content(zip.GetEntry(Names[2])!);
            var json = JsonOracle.Strict(Encoding.UTF8.GetBytes(Strict.GetString(array.AsSpan(NumpyFile.Read(array)!.Start)).TrimEnd('\0')));
            Expect.Equal((json.GetProperty("model").GetString(), json.GetProperty("checkpoint").GetString()), (origin.Model, origin.Checkpoint), "origin");
        }
    }

    private static byte[] Content(ZipArchiveEntry entry)
    {
        using var content = new MemoryStream();
        using (var unpacked = entry.Open())
            unpacked.CopyTo(content);
        Expect.Equal(entry.Crc32, System.IO.Hashing.Crc32.HashToUInt32(content.ToArray()), "checksum");
        return content.ToArray();
    }

    private static byte[] Texts(string shape, int length, params string[] texts) => NumpyFile.Of($"{{'descr': '<U{length}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n",
        [.. texts.SelectMany(text => Strict.GetBytes(text.PadRight(length, '\0')))]);
}
