using System.Buffers.Binary;
using VideoSim.Fuzz.Mutation;
using VideoSim.Pretrained.Hdf5;

namespace VideoSim.Fuzz.Formats;

/// <summary>Weights of Keras in HDF5. The length in the first block is mended.</summary>
internal sealed class Hdf5Format() : Format("hdf5", "tf_model.h5", "Hdf5File on PureHDF: --text-encoder, convert")
{
    // Position of the file's length in the first block of versions 0 and 1.
    private const int LengthAt = 40;

    public override int MostBytes => 1 << 17;

    // The library makes arrays of the sizes that a file claims, and fills the part that the file has.
    public override long FreeBytes => 1L << 32;

    public override TimeSpan FreeTime => TimeSpan.FromSeconds(5);

    public override IEnumerable<byte[]> Seeds() => [PublishedFiles.Read("half.h5"), PublishedFiles.Read("keras.h5")];

    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        byte[] changed = input.Length == 0 || mutator.OneIn(3) ? mutator.Bytes(input) : InMetadata(mutator, input);
        if (changed.Length >= LengthAt + sizeof(long) && !mutator.OneIn(16))
            BinaryPrimitives.WriteInt64LittleEndian(changed.AsSpan(LengthAt), changed.Length);
        return changed;
    }

    public override void Read(string path, byte[] input)
    {
        using var file = Hdf5File.Open(path);
        TensorContents.Of(file);
    }

    // Most bytes are numbers of tensors. Blocks of metadata begin with four letters, and fields follow.
    private static byte[] InMetadata(Mutator mutator, byte[] input)
    {
        byte[] changed = [.. input];
        for (int changes = mutator.Random.Next(1, 4); changes > 0; changes--)
        {
            int at = mutator.Random.Next(changed.Length), letter = changed.AsSpan(at).IndexOfAny("TSH"u8);
            int place = Math.Min(changed.Length - 1, at + Math.Max(0, letter) + mutator.Random.Next(64));
            changed[place] = (byte)(mutator.OneIn(2) ? mutator.Random.Next(256) : mutator.Pick([0, 1, 2, 3, 8, 0x10, 0x7f, 0x80, 0xff]));
        }
        return changed;
    }
}
