using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Exports;

/// <summary>
/// Arrays for NumPy in a <c>.npz</c> file: <c>ids</c> and, if there are titles, <c>titles</c> as texts [rows],
/// <c>embeddings</c> as float32 [rows, width], and <c>origin</c>, which is one text of JSON. A title that is not known
/// is empty. Nothing is compressed or pickled.
/// </summary>
internal static class NpzExport
{
    // NumPy pads texts to the longest one, with 4 bytes for each character.
    private const long MostTextBytes = 1L << 32;

    private static readonly DateTimeOffset FixedTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // the same bytes at any time

    public static void Write(Stream stream, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation)
    {
        var embeddings = source.Embeddings;
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        AddTexts(zip, "ids", embeddings.Ids, embeddings.Source);
        if (source.Titles is { } titles)
            AddTexts(zip, "titles", [.. embeddings.Ids.Select(id => titles.GetValueOrDefault(id, ""))], embeddings.Source);
        if (source.Origin is { } origin)
        {
            string json = origin.ToJson().ToJsonString();
            using var text = Begin(zip, "origin", $"<U{json.Length}", "()"); // it is ASCII
            text.Write(Encoding.UTF32.GetBytes(json));
        }
        using var array = Begin(zip, "embeddings", "<f4", $"({embeddings.Ids.Count}, {embeddings.Width})");
        foreach (var row in source.Rows(progress, cancellation))
            array.Write(MemoryMarshal.AsBytes(row.Values.AsSpan()));
    }

    private static void AddTexts(ZipArchive zip, string name, IReadOnlyList<string> texts, string source)
    {
        // An array of empty texts has one character each, as in NumPy.
        int longest = Math.Max(1, texts.Max(static text => text.EnumerateRunes().Count()));
        long bytes = (long)longest * sizeof(uint) * texts.Count;
        if (bytes > MostTextBytes)
            throw new DataException($"{source}: the array {name} would take {bytes} bytes, because NumPy pads all texts to the longest one");
        if (texts.FirstOrDefault(static text => text.EndsWith('\0')) is { } cut)
            throw new DataException($"{source}: {Printable.Quote(cut)} in {name} ends with a NUL, which NumPy would drop");
        using var array = Begin(zip, name, $"<U{longest}", $"({texts.Count},)");
        byte[] padded = new byte[longest * sizeof(uint)];
        foreach (string text in texts)
        {
            padded.AsSpan(Encoding.UTF32.GetBytes(text, padded)).Clear();
            array.Write(padded);
        }
    }

    private static Stream Begin(ZipArchive zip, string name, string type, string shape)
    {
        var entry = zip.CreateEntry($"{name}.npy", CompressionLevel.NoCompression);
        entry.LastWriteTime = FixedTime;
        var stream = entry.Open();
        NumpyHeader.Write(stream, type, shape);
        return stream;
    }
}
