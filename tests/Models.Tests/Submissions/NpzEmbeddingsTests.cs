using System.IO.Compression;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Exports;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

/// <summary>Embeddings in a <c>.npz</c> file. Files that NumPy itself wrote are read in tests/Oracles.</summary>
public sealed class NpzEmbeddingsTests : IDisposable
{
    private readonly ExportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<CompressionLevel> Levels => [CompressionLevel.NoCompression, CompressionLevel.Optimal];

    [Fact]
    public void Read_WhatExportWrites_IsTheSameWithItsOrigin()
    {
        var rows = ExportFolder.ManyRows();
        string file = _folder.Export("npz", rows, new Dictionary<string, string> { ["video 1"] = "a title" }, ExportFolder.Mix);
        var origin = ExportFolder.Mix with { Precision = EmbeddingRounding.Single };
        var table = SubmissionFile.Read(file);
        Assert.Equal((file, origin, origin), (table.Source, table.Origin, SubmissionFile.OriginOf(file)));
        string[] expected = Tables.Show(Tables.Of([.. rows.Select(static row => (row.Id, Array.ConvertAll(row.Values, static value => (double)(float)value)))]));
        Assert.Equal(expected, Tables.Show(table));
        using var source = EmbeddingSource.Open(file);
        Assert.Equal((file, 3, origin), (source.Source, source.Width, source.Origin));
        Assert.Equal(expected, Show(source));
        // A part, from the middle of the file.
        double[] some = new double[6];
        source.Read(301, some);
        Assert.Equal([.. table[301], .. table[302]], some);
    }

    [Fact]
    public void Read_IdsOfAllKinds_AreThoseThatWereWritten()
    {
        string file = _folder.Export("npz", [.. ExportFolder.HardIds.Select(static id => (id, new[] { 1.0 }))]);
        Assert.Equal(ExportFolder.HardIds, SubmissionFile.Read(file).Ids);
        Assert.Null(SubmissionFile.OriginOf(file));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Read_ArraysOfOtherTypesAndOrders_IsTheSameByBothWays(CompressionLevel level)
    {
        string json = ExportFolder.Mix.ToJson().ToJsonString();
        foreach (string type in new[] { "<f2", "<f4" })
        {
            string file = Zip(level, ("other", Npy("<i8", "(1,)", new byte[8])), ("embeddings", NumpyFile.Of(type, "False", "(2, 2)", new float[] { 1, -2, 0.5f, 4 })), ("origin", Texts(json)), ("ids", Texts(3, "a", "海😀b")));
            string[] expected = ["a: 1, -2", "海😀b: 0.5, 4"];
            Assert.Equal(expected, Tables.Show(SubmissionFile.Read(file)));
            using var source = EmbeddingSource.Open(file);
            Assert.Equal(expected, Show(source));
            Assert.Equal((ExportFolder.Mix, ExportFolder.Mix), (source.Origin, SubmissionFile.OriginOf(file)));
        }
        string wide = Zip(level, ("ids", Texts(1, "a")), ("embeddings", Npy("<f8", "(1, 1)", BitConverter.GetBytes(0.1))));
        Assert.Equal(["a: 0.1"], Tables.Show(SubmissionFile.Read(wide)));
    }

    // The array "origin" of another program.
    [Fact]
    public void Read_AnOriginOfAnotherProgram_IsNone()
    {
        foreach (byte[] origin in new[] { Texts("from my laptop"), Texts(1, "a", "b"), Npy("<i8", "()", new byte[8]) })
        {
            string file = Zip(CompressionLevel.Optimal, ("ids", Texts(1, "a")), ("embeddings", NumpyFile.Of("<f4", "False", "(1, 1)", new float[] { 1 })), ("origin", origin));
            Assert.Null(SubmissionFile.Read(file).Origin);
            Assert.Null(SubmissionFile.OriginOf(file));
        }
    }

    public static TheoryData<string, string, byte[], byte[]> Wrong
    {
        get
        {
            byte[] ids = Texts(1, "a", "b"), values = Values("<f4", "(2, 2)");
            return new()
            {
                { "objects as ids", ": ids.npy: has objects of Python, which are not read; ids.astype(str) makes texts of them", Npy("|O", "(2,)", [0x80, 4, .. "."u8]), values },
                { "objects as embeddings", ": embeddings.npy: expected a matrix of 1 to 256 columns of '<f2', '<f4' or '<f8' in C order, got '{'descr': '|O'", ids, Npy("|O", "(2, 2)", [0x80, 4, .. "."u8]) },
                { "numbers as ids", ": ids.npy: expected a list of texts such as '<U11', got '{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }'; ids.astype(str) makes texts of other values", Npy("<i8", "(2,)", new byte[16]), values },
                { "a matrix of ids", ": ids.npy: expected a list of texts", Npy("<U1", "(2, 1)", new byte[8]), values },
                { "texts of big-endian characters", ": ids.npy: expected a list of texts", Npy(">U1", "(2,)", new byte[8]), values },
                { "no array", ": ids.npy: not a .npy file", [.. "PK"u8], values },
                { "a header that ends", ": embeddings.npy: the file ends inside its header", ids, values[..60] },
                { "fewer ids", ": has 1 ids, but 2 embeddings", Texts(1, "a"), values },
                { "no ids", ": has no embeddings", Npy("<U1", "(0,)", []), Npy("<f4", "(0, 2)", []) },
                { "an id twice", ": id 'a' occurs twice", Texts(1, "a", "a"), values },
                { "an empty id", ": id '' is empty", Texts(1, "a", ""), values },
                { "a character that is none", ": ids.npy: text 2 is not valid Unicode", Npy("<U1", "(2,)", [97, 0, 0, 0, 0, 0, 0x11, 0]), values },
                { "half of a character", ": ids.npy: text 1 is not valid Unicode", Npy("<U1", "(2,)", [0, 0xd8, 0, 0, 97, 0, 0, 0]), values },
                { "too few characters", ": ids.npy: 2 texts of 2 characters need 16 bytes, the array has 8", Npy("<U2", "(2,)", new byte[8]), values },
                { "texts of any size", ": ids.npy: 2 texts of 2147483647 characters need 17179869176 bytes, the array has 8", Npy("<U2147483647", "(2,)", new byte[8]), values },
                { "a length of more than 31 bits", ": ids.npy: expected a list of texts", Npy("<U99999999999", "(2,)", new byte[8]), values },
                { "a list of values", ": embeddings.npy: expected a matrix of 1 to 256 columns", ids, Npy("<f4", "(2,)", new byte[8]) },
                { "whole numbers as values", ": embeddings.npy: expected a matrix of 1 to 256 columns", ids, Npy("<i4", "(2, 2)", new byte[16]) },
                { "another order", ": embeddings.npy: expected a matrix of 1 to 256 columns", ids, NumpyFile.Of("<f4", "True", "(2, 2)", new float[4]) },
                { "too few values", ": embeddings.npy: a matrix of 2 x 2 needs 16 bytes, the file has 12", ids, values[..^4] },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Read_WrongArrays_AreRefusedInOneLine(string what, string complaint, byte[] ids, byte[] values)
    {
        foreach (var level in new[] { CompressionLevel.NoCompression, CompressionLevel.Optimal })
            Refuse(Zip(level, ("ids", ids), ("embeddings", values)), complaint);
        Assert.NotEmpty(what);
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Read_ValuesThatAreNotFinite_AreNamed(CompressionLevel level)
    {
        string file = Zip(level, ("ids", Texts(1, "a", "b")), ("embeddings", NumpyFile.Of("<f4", "False", "(2, 1)", new float[] { 1, float.NaN })));
        string complaint = $"{file}: id 'b' has the value NaN, which is not a finite float32";
        Assert.Equal(complaint, Assert.Throws<DataException>(() => SubmissionFile.Read(file)).Message);
        Assert.Equal(complaint, Assert.Throws<DataException>(() =>
        {
            using var source = EmbeddingSource.Open(file);
            Show(source);
        }).Message);
    }

    [Fact]
    public void Read_MissingOrRepeatedArrays_AreNamed()
    {
        byte[] ids = Texts(1, "a"), values = NumpyFile.Of("<f4", "False", "(1, 1)", new float[] { 1 });
        Refuse(Zip(CompressionLevel.Optimal, ("arr_0", ids), ("arr_1", values)), ": expected the arrays 'ids' and 'embeddings', found 'arr_0', 'arr_1'");
        Refuse(Zip(CompressionLevel.Optimal, ("ids", ids)), ": expected the arrays 'ids' and 'embeddings', found 'ids'");
        Refuse(Zip(CompressionLevel.Optimal, ("ids", ids), ("ids", ids), ("embeddings", values)), ": has the array 'ids' twice");
        Refuse(Zip(CompressionLevel.Optimal, ("ids", ids), ("embeddings", values), ("origin", Npy("|O", "()", [0x80, 4, .. "."u8]))), ": origin.npy: has objects of Python, which are not read");
        File.WriteAllText(_folder.At("text.npz"), "no zip");
        Refuse(_folder.At("text.npz"), ": not a zip, or damaged");
    }

    // A compressed array whose packed size is wrong, and looks like that of a stored one. It unpacks to more bytes
    // than the file has before its place.
    [Fact]
    public void Read_CompressedArrayThatLooksStored_IsReadAsACompressedOne()
    {
        byte[] values = Values("<f4", "(2, 2)"), header = [.. values[..127], .. Enumerable.Repeat((byte)' ', 60_000), (byte)'\n'];
        BitConverter.TryWriteBytes(header.AsSpan(8), (ushort)(header.Length - 10));
        string file = Zip(CompressionLevel.Optimal, ("embeddings", [.. header, .. values[128..]]), ("ids", Texts(1, "a", "b")));
        using (var zip = ZipFile.Open(file, ZipArchiveMode.Update))
        {
            using var other = zip.CreateEntry("other", CompressionLevel.NoCompression).Open();
            other.Write(new byte[70_000]); // the array would end in it
        }
        byte[] bytes = File.ReadAllBytes(file);
        int entry = bytes.AsSpan().IndexOf("PK\u0001\u0002"u8);
        bytes.AsSpan(entry + 24, sizeof(uint)).CopyTo(bytes.AsSpan(entry + 20)); // the packed size becomes the other one
        File.WriteAllBytes(file, bytes);
        string[] expected = ["a: 1, -2", "b: 0.5, 4"];
        Assert.Equal(expected, Tables.Show(SubmissionFile.Read(file)));
        using var source = EmbeddingSource.Open(file);
        Assert.Equal(expected, Show(source));
    }

    // As if a stored array had more bytes than when it is unpacked.
    [Fact]
    public void Read_StoredArrayWithAWrongPackedSize_IsRefused()
    {
        string file = Zip(CompressionLevel.NoCompression, ("embeddings", Values("<f4", "(2, 2)")), ("ids", Texts(1, "a", "b")));
        byte[] bytes = File.ReadAllBytes(file);
        int entry = bytes.AsSpan().IndexOf("PK\u0001\u0002"u8);
        bytes[entry + 20]++; // its packed size
        File.WriteAllBytes(file, bytes);
        Refuse(file, ": embeddings.npy unpacks to more than 144 bytes");
    }

    // Every bit of the arrays has a checksum.
    [Theory]
    [MemberData(nameof(Levels))]
    public void Read_DamagedFile_IsRefusedOrTheSame(CompressionLevel level)
    {
        string file = Zip(level, ("ids", Texts(3, "a", "bcd")), ("embeddings", Values("<f4", "(2, 2)")), ("origin", Texts(ExportFolder.Mix.ToJson().ToJsonString())));
        byte[] whole = File.ReadAllBytes(file);
        string[] expected = Tables.Show(SubmissionFile.Read(file));
        int refused = 0;
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 1;
            File.WriteAllBytes(file, damaged);
            try
            {
                using var source = EmbeddingSource.Open(file);
                Assert.Equal(expected, Show(source));
                Assert.Equal(expected, Tables.Show(SubmissionFile.Read(file)));
            }
            catch (DataException failure)
            {
                Assert.StartsWith($"{file}: ", failure.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', failure.Message);
                refused++;
            }
        }
        Assert.InRange(refused, whole.Length / 2, whole.Length);
    }

    // Some megabytes in a zip: a text of 1 GB, or as many rows.
    [Fact]
    public void Read_FileThatUnpacksToMuch_IsRefusedBeforeTheMemoryIsTaken()
    {
        string text = Bomb("ids", "<U268435456", "(1,)", 1L << 30), rows = Bomb("embeddings", "<f8", "(67108864, 2)", 1L << 30);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuse(text, "too much for a file of");
        Refuse(rows, ": has 1 ids, but 67108864 embeddings");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 24);

        string Bomb(string array, string type, string shape, long bytes)
        {
            string file = _folder.At(array + ".npz");
            using var zip = ZipFile.Open(file, ZipArchiveMode.Create);
            using (var content = zip.CreateEntry(array + ".npy", CompressionLevel.Fastest).Open())
            {
                content.Write(Npy(type, shape, []));
                byte[] zeros = new byte[1 << 20];
                for (long written = 0; written < bytes; written += zeros.Length)
                    content.Write(zeros);
            }
            string other = array == "ids" ? "embeddings" : "ids";
            using var rest = zip.CreateEntry(other + ".npy").Open();
            rest.Write(array == "ids" ? NumpyFile.Of("<f4", "False", "(1, 1)", new float[] { 1 }) : Texts(1, "a"));
            return file;
        }
    }

    [Fact]
    public void Open_FileThatBecomesShorter_IsNamed()
    {
        string file = _folder.Export("npz", ExportFolder.ManyRows());
        using var source = EmbeddingSource.Open(file);
        using (var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            stream.SetLength(20_000);
        Assert.Equal($"{file}: the file became shorter while it was read", Assert.Throws<DataException>(() => Show(source)).Message);
    }

    [Fact]
    public void Write_IntoANpz_IsRefused()
    {
        Assert.Equal("e.npz: a file of embeddings must end in .zip, .json or .npy", Assert.Throws<DataException>(() => SubmissionFile.RequireWritable("e.npz")).Message);
        Assert.Equal("e.txt: a file of embeddings must end in .zip, .json, .npy, .npz or .parquet", Assert.Throws<DataException>(() => EmbeddingSource.Open("e.txt")).Message);
    }

    private static void Refuse(string file, string complaint)
    {
        foreach (var read in new Action[] { () => SubmissionFile.Read(file), () => EmbeddingSource.Open(file).Dispose() })
        {
            string message = Assert.Throws<DataException>(read).Message;
            Assert.StartsWith(file, message, StringComparison.Ordinal);
            Assert.Contains(complaint, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    private static string[] Show(EmbeddingSource source)
    {
        double[] rows = new double[source.Ids.Count * source.Width];
        source.Read(0, rows);
        return [.. source.Ids.Select((id, row) => $"{id}: {string.Join(", ", rows.AsSpan(row * source.Width, source.Width).ToArray())}")];
    }

    private string Zip(CompressionLevel level, params (string Name, byte[] Content)[] arrays)
    {
        string file = _folder.At("e.npz");
        File.Delete(file);
        using var zip = ZipFile.Open(file, ZipArchiveMode.Create);
        foreach (var (name, content) in arrays)
        {
            using var entry = zip.CreateEntry(name + ".npy", level).Open();
            entry.Write(content);
        }
        return file;
    }

    private static byte[] Values(string type, string shape) => NumpyFile.Of(type, "False", shape, new float[] { 1, -2, 0.5f, 4 });

    private static byte[] Npy(string type, string shape, byte[] values) => [.. NumpyFile.Of(type, "False", shape, []), .. values];

    private static byte[] Texts(string text) => Npy($"<U{text.Length}", "()", Encoding.UTF32.GetBytes(text));

    private static byte[] Texts(int length, params string[] texts) => Npy($"<U{length}", $"({texts.Length},)", [.. texts.SelectMany(text =>
    {
        byte[] padded = new byte[length * sizeof(uint)];
        Encoding.UTF32.GetBytes(text, padded);
        return padded;
    })]);
}
