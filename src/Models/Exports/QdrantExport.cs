using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Exports;

/// <summary>
/// Points for Qdrant as JSON Lines, each as its REST interface takes it: id, vector and payload. Qdrant's ids are
/// unsigned integers of 64 bits or UUIDs. An id of a video that is such an integer stays; for any other one the point
/// has a UUID of version 5. The payload always has the id as text.
/// </summary>
internal static class QdrantExport
{
    // The space of the names: a UUID of our own, which never changes.
    private static readonly Guid Namespace = new("7c1f4a0e-6a55-4b0b-9b0c-3f2d1e8f5a64");

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(Stream stream, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation)
    {
        using var line = new MemoryStream();
        foreach (var row in source.Rows(progress, cancellation))
        {
            line.SetLength(0);
            using (var json = new Utf8JsonWriter(line, Readable))
                Write(json, row);
            line.WriteByte((byte)'\n');
            stream.Write(line.GetBuffer(), 0, (int)line.Length);
        }
    }

    private static void Write(Utf8JsonWriter json, ExportedRow row)
    {
        json.WriteStartObject();
        // Another spelling of a number, such as 007, is another video.
        if (ulong.TryParse(row.Id, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number.ToString(CultureInfo.InvariantCulture) == row.Id)
            json.WriteNumber("id", number);
        else
            json.WriteString("id", VersionFive(Namespace, row.Id));
        json.WriteStartArray("vector");
        foreach (float value in row.Values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
        json.WriteStartObject("payload");
        json.WriteString("id", row.Id);
        if (row.Title is not null)
            json.WriteString("title", row.Title);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The UUID of version 5 (RFC 9562, section 5.5) of a text in a namespace.</summary>
    internal static Guid VersionFive(Guid space, string text)
    {
        byte[] name = [.. space.ToByteArray(bigEndian: true), .. Encoding.UTF8.GetBytes(text)];
#pragma warning disable CA5350 // version 5 is defined by SHA-1; nothing secret depends on it
        byte[] hash = SHA1.HashData(name);
#pragma warning restore CA5350
        hash[6] = (byte)((hash[6] & 0x0f) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash.AsSpan(0, 16), bigEndian: true);
    }
}
