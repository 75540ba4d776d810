using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// A compiled unit in a file. It begins with a line that names the format, and the SHA-256 of the rest. Then come the
/// key of the unit, the compiler's log and the code, each after its length.
/// </summary>
internal static class KernelImageFile
{
    private static readonly byte[] Title = "VideoSim kernel image 1\n"u8.ToArray();

    /// <summary>
    /// Hashes texts into a key. Moving characters from the end of one text to the next changes the key.
    /// </summary>
    public static string Key(params IEnumerable<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in texts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            hash.AppendData(BitConverter.GetBytes(bytes.LongLength));
            hash.AppendData(bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>
    /// Writes an image. Other processes see the whole file or none; several may write the same file.
    /// </summary>
    public static void Write(string path, string key, KernelImage image)
    {
        using var memory = new MemoryStream();
        using var writer = new BinaryWriter(memory);
        writer.Write(key);
        writer.Write(image.Log);
        writer.Write(image.Code.Length);
        writer.Write(image.Code);
        byte[] content = memory.ToArray();
        AtomicFile.Write(path, stream => stream.Write([.. Title, .. SHA256.HashData(content), .. content]));
    }

    /// <summary>Reads an image; null if there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">Key of the unit that it must contain.</param>
    /// <exception cref="DataException">The file is damaged or cannot be read.</exception>
    public static KernelImage? Read(string path, string key)
    {
        if (!File.Exists(path))
            return null;
        byte[] bytes = FileFailure.ReadAllBytes(path);
        int start = Title.Length + SHA256.HashSizeInBytes;
        if (bytes.Length < start || !bytes.AsSpan().StartsWith(Title) || !SHA256.HashData(bytes.AsSpan(start)).AsSpan().SequenceEqual(bytes.AsSpan(Title.Length, start - Title.Length)))
            throw Damaged(path);
        // The checksum finds damage, but does not prove that this program wrote the file.
        using var reader = new BinaryReader(new MemoryStream(bytes, start, bytes.Length - start));
        try
        {
            if (reader.ReadString() != key)
                return null;
            string log = reader.ReadString();
            int length = reader.ReadInt32();
            return length == reader.BaseStream.Length - reader.BaseStream.Position ? new KernelImage(reader.ReadBytes(length), KernelImage.ParseResources(log), log) : throw Damaged(path);
        }
        catch (Exception e) when (e is IOException or FormatException or OverflowException or ArgumentException)
        {
            throw Damaged(path, e);
        }
    }

    private static DataException Damaged(string path, Exception? reason = null)
    {
        string message = $"{path}: this compiled kernel is damaged";
        return reason is null ? new(message) : new(message, reason);
    }
}
