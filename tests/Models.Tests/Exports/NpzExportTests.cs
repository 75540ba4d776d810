using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Exports;

public sealed class NpzExportTests : IDisposable
{
    private readonly ExportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_Embeddings_HasArraysOfIdsTitlesOriginAndValues()
    {
        var rows = ExportFolder.ManyRows();
        var titles = new Dictionary<string, string> { ["video 1"] = "海😀", ["video 599"] = "b" };
        using var zip = ZipFile.OpenRead(_folder.Export("npz", rows, titles, ExportFolder.Mix));
        Assert.Equal(["ids.npy", "titles.npy", "origin.npy", "embeddings.npy"], zip.Entries.Select(static entry => entry.FullName));
        Assert.Equal("", zip.Comment);
        Assert.All(zip.Entries, static entry => Assert.Equal((entry.Length, 1980), (entry.CompressedLength, entry.LastWriteTime.Year)));
        Assert.Equal(rows.Select(static row => row.Id), Texts(zip, "ids", "'<U9'", "(600,)"));
        Assert.Equal(rows.Select(row => titles.GetValueOrDefault(row.Id, "")), Texts(zip, "titles", "'<U2'", "(600,)"));
        string json = (ExportFolder.Mix with { Precision = EmbeddingRounding.Single }).ToJson().ToJsonString(); // the file had float64
        Assert.Equal([json], Texts(zip, "origin", $"'<U{json.Length}'", "()"));
        Assert.Equal(rows.SelectMany(static row => row.Values.Select(static value => (float)value)), MemoryMarshal.Cast<byte, float>(Values(zip, "embeddings", "'<f4'", "(600, 3)")).ToArray());
    }

    [Fact]
    public void Write_WithoutTitlesAndOrigin_HasTwoArrays()
    {
        using var zip = ZipFile.OpenRead(_folder.Export("npz", [.. ExportFolder.HardIds.Select(static id => (id, new[] { 1.0 }))]));
        Assert.Equal(["ids.npy", "embeddings.npy"], zip.Entries.Select(static entry => entry.FullName));
        Assert.Equal(ExportFolder.HardIds, Texts(zip, "ids", "'<U24'", $"({ExportFolder.HardIds.Length},)"));
    }

    [Fact]
    public void Write_TitlesThatAreEmpty_HaveOneCharacterAsInNumPy()
    {
        using var zip = ZipFile.OpenRead(_folder.Export("npz", [("a", [1]), ("b", [1])], []));
        Assert.Equal(["", ""], Texts(zip, "titles", "'<U1'", "(2,)"));
    }

    [Fact]
    public void Write_WhatNumPyWouldChange_IsRefused()
    {
        File.WriteAllText(_folder.At("e.npz"), "old");
        Refuse("'a\\u0000' in ids ends with a NUL, which NumPy would drop", [("x", [1]), ("a\0", [1])]);
        Refuse("'t\\u0000' in titles ends with a NUL, which NumPy would drop", [("x", [1])], new() { ["x"] = "t\0" });
        // 5,000 texts of 300,000 characters.
        Refuse("the array titles would take 6000000000 bytes, because NumPy pads all texts to the longest one", ExportFolder.ManyRows(5_000, 1), new() { ["video 9"] = new string('a', 300_000) });
        Assert.Equal("old", File.ReadAllText(_folder.At("e.npz")));
        _folder.Export("npz", [("\0a", [1])]);

        void Refuse(string complaint, (string, double[])[] rows, Dictionary<string, string>? titles = null) =>
            Assert.Equal($"{_folder.At("e.zip")}: {complaint}", Assert.Throws<DataException>(() => _folder.Export("npz", rows, titles)).Message);
    }

    private static string[] Texts(ZipArchive zip, string name, string type, string shape)
    {
        byte[] values = Values(zip, name, type, shape);
        int bytes = sizeof(uint) * int.Parse(type[3..^1], CultureInfo.InvariantCulture);
        return [.. values.Chunk(bytes).Select(static text => Encoding.UTF32.GetString(text).TrimEnd('\0'))];
    }

    // As NumPy's page of its format describes it.
    private static byte[] Values(ZipArchive zip, string name, string type, string shape)
    {
        using var stream = zip.GetEntry($"{name}.npy")!.Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        byte[] bytes = content.ToArray();
        int start = 10 + BitConverter.ToUInt16(bytes, 8);
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0], bytes[..8]);
        Assert.Equal(0, start % 64);
        Assert.Equal($"{{'descr': {type}, 'fortran_order': False, 'shape': {shape}, }}", Encoding.ASCII.GetString(bytes[10..start]).TrimEnd());
        return bytes[start..];
    }
}
