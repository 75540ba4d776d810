using System.Buffers.Binary;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained.Torch;

/// <summary>An uncompressed file inside a zip archive.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Position">Position of its first byte in the archive.</param>
/// <param name="Length">Its size in bytes.</param>
/// <param name="Crc32">Checksum of its bytes.</param>
internal sealed record ZipEntry(string Name, long Position, long Length, uint Crc32);

/// <summary>
/// The files of a zip archive and the positions of their bytes. .NET's reader does not give positions, which are
/// needed to read a tensor from the middle of a file.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50, End64LocatorSignature = 0x07064b50, End64Signature = 0x06064b50,
        EntrySignature = 0x02014b50, LocalSignature = 0x04034b50;

    private const int EndBytes = 22, End64LocatorBytes = 20, End64Bytes = 56, EntryBytes = 46, LocalBytes = 30, LongestComment = ushort.MaxValue;

    // A tensor needs about 100 bytes, so 100,000 tensors are possible.
    private const int LongestDirectory = 10_000_000;

    /// <summary>Reads the list.</summary>
    /// <exception cref="DataException">
    /// The archive is damaged, or a file in it is compressed or exceeds the archive; the message names it.
    /// </exception>
    public static IReadOnlyDictionary<string, ZipEntry> Read(FileBytes file)
    {
        var (start, length) = Locate(file);
        if (length > LongestDirectory || start < 0 || length < 0 || start > file.Length - length)
            throw new DataException($"{file.Path}: the zip directory has {length} bytes at {start}, the file {file.Length}: damaged?");
        ReadOnlySpan<byte> directory = file.Read(start, (int)length, "the zip directory");
        var entries = new Dictionary<string, ZipEntry>();
        while (!directory.IsEmpty)
        {
            var entry = ReadEntry(file, ref directory);
            if (!entries.TryAdd(entry.Name, entry))
                throw new DataException($"{file.Path}: the zip archive has {Printable.Quote(entry.Name)} twice");
        }
        RequireApart(file, entries.Values);
        return entries;
    }

    // Each storage is read once for its checksum. If all of them shared the same bytes, that would take for ever.
    private static void RequireApart(FileBytes file, IEnumerable<ZipEntry> entries)
    {
        long end = 0;
        foreach (var entry in entries.Where(static entry => entry.Length > 0).OrderBy(static entry => entry.Position))
        {
            if (entry.Position < end)
                throw new DataException($"{file.Path}: {Printable.Quote(entry.Name)} in the zip archive begins inside another file of it");
            end = entry.Position + entry.Length;
        }
    }

    // The record at the end of the archive has the position of the directory. A position of 64 bits is in a second
    // record, and a locator before the first one has the position of that record.
    private static (long Start, long Length) Locate(FileBytes file)
    {
        int tailLength = (int)Math.Min(file.Length, EndBytes + LongestComment);
        byte[] tail = file.Read(file.Length - tailLength, tailLength, "the end of the zip archive");
        for (int at = tailLength - EndBytes; at >= 0; at--)
        {
            var end = tail.AsSpan(at);
            if (UInt32(end, 0) != EndSignature || UInt16(end, 20) != end.Length - EndBytes)
                continue;
            long length = UInt32(end, 12), start = UInt32(end, 16);
            return start == uint.MaxValue || length == uint.MaxValue || UInt16(end, 10) == ushort.MaxValue
                ? Locate64(file, file.Length - tailLength + at) ?? (start, length)
                : (start, length);
        }
        throw new DataException($"{file.Path}: begins as a zip archive, but its directory at the end is missing: truncated?");
    }

    private static (long Start, long Length)? Locate64(FileBytes file, long end)
    {
        if (end < End64LocatorBytes)
            return null;
        ReadOnlySpan<byte> locator = file.Read(end - End64LocatorBytes, End64LocatorBytes, "the end of the zip archive");
        if (UInt32(locator, 0) != End64LocatorSignature)
            return null;
        long at = Int64(locator, 8);
        if (at < 0 || at > file.Length - End64Bytes)
            throw new DataException($"{file.Path}: the zip archive's 64-bit end record lies at {at}, the file has {file.Length} bytes: damaged?");
        ReadOnlySpan<byte> record = file.Read(at, End64Bytes, "the zip archive's 64-bit end record");
        return UInt32(record, 0) == End64Signature ? (Int64(record, 48), Int64(record, 40))
            : throw new DataException($"{file.Path}: the zip archive's 64-bit end record is damaged");
    }

    private static ZipEntry ReadEntry(FileBytes file, ref ReadOnlySpan<byte> directory)
    {
        if (directory.Length < EntryBytes || UInt32(directory, 0) != EntrySignature)
            throw new DataException($"{file.Path}: the zip directory is damaged");
        int nameLength = UInt16(directory, 28), extraLength = UInt16(directory, 30), total = EntryBytes + nameLength + extraLength + UInt16(directory, 32);
        if (directory.Length < total)
            throw new DataException($"{file.Path}: the zip directory is damaged");
        var entryName = directory.Slice(EntryBytes, nameLength);
        string name = Encoding.UTF8.GetString(entryName), where = $"{file.Path}: {Printable.Quote(name)} in the zip archive";
        var extra = directory.Slice(EntryBytes + nameLength, extraLength);
        long length = UInt32(directory, 24), stored = UInt32(directory, 20), local = UInt32(directory, 42);
        if (length == uint.MaxValue || stored == uint.MaxValue || local == uint.MaxValue)
            Widen(extra, ref length, ref stored, ref local);
        if (UInt16(directory, 10) != 0 || (UInt16(directory, 8) & 1) != 0)
            throw new DataException($"{where} is compressed or encrypted; torch.save writes neither");
        uint crc = UInt32(directory, 16);
        directory = directory[total..];
        if (length != stored || length < 0 || local < 0 || local > file.Length - LocalBytes)
            throw new DataException($"{where} lies outside the file: truncated?");
        // The name is there again. An entry of another name would be missing, and some may be missing.
        ReadOnlySpan<byte> header = file.Read(local, (int)Math.Min(LocalBytes + nameLength, file.Length - local), "the zip archive");
        long position = local + LocalBytes + UInt16(header, 26) + UInt16(header, 28);
        if (UInt32(header, 0) != LocalSignature || UInt16(header, 26) != nameLength || !header[LocalBytes..].SequenceEqual(entryName))
            throw new DataException($"{where} has no header of its name at its position in the directory: damaged?");
        if (length > file.Length - position)
            throw new DataException($"{where} lies outside the file: truncated?");
        return new ZipEntry(name, position, length, crc);
    }

    // Extra field 1 has the numbers that do not fit into 32 bits, in this order.
    private static void Widen(ReadOnlySpan<byte> extra, ref long length, ref long stored, ref long local)
    {
        while (extra.Length >= 4)
        {
            int size = UInt16(extra, 2);
            if (extra.Length < 4 + size)
                return;
            var field = extra.Slice(4, size);
            if (UInt16(extra, 0) == 1)
            {
                Take(ref field, ref length);
                Take(ref field, ref stored);
                Take(ref field, ref local);
                return;
            }
            extra = extra[(4 + size)..];
        }

        static void Take(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue || field.Length < 8)
                return;
            value = Int64(field, 0);
            field = field[8..];
        }
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Int64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
