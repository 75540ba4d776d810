using System.Buffers.Binary;

namespace VideoSim.Fuzz.Mutation;

/// <summary>Changes of Parquet files.</summary>
internal static class ParquetBytes
{
    private const int MagicBytes = 4, TailBytes = 8;

    /// <summary>Changes pages, or the metadata, whose length is then mended.</summary>
    public static byte[] Mutate(Mutator mutator, byte[] input)
    {
        if (mutator.OneIn(4) || input.Length < MagicBytes + TailBytes)
            return mutator.Bytes(input);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(input.AsSpan(input.Length - TailBytes));
        long start = input.Length - TailBytes - length;
        if (start < MagicBytes)
            return mutator.Bytes(input);
        // Pages before the metadata keep their length, so that the offsets stay right.
        byte[] pages = input[..(int)start], metadata = input[(int)start..^TailBytes];
        if (mutator.OneIn(3))
            pages = SameLength(mutator, pages);
        else
            metadata = mutator.OneIn(2) ? SameLength(mutator, metadata) : mutator.Bytes(metadata);
        byte[] tail = [.. BitConverter.GetBytes(metadata.Length), .. "PAR1"u8];
        return [.. pages, .. metadata, .. tail];
    }

    private static byte[] SameLength(Mutator mutator, byte[] bytes)
    {
        byte[] changed = [.. bytes];
        for (int changes = mutator.Random.Next(1, 4); changes > 0 && changed.Length > 0; changes--)
            changed[mutator.Random.Next(changed.Length)] = (byte)(mutator.OneIn(2) ? mutator.Random.Next(256) : mutator.Pick([0, 1, 2, 0x7f, 0x80, 0xff, 0x15, 0x19]));
        return changed;
    }
}
