using System.IO.Compression;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Pretrained.Torch;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// Files of torch.save: zips with changed content behind right checksums, and the older stream of pickles.
/// </summary>
internal sealed class TorchFormat() : Format("torch", "pytorch_model.bin", "TorchFile: --text-encoder, convert")
{
    public override long FreeBytes => 1 << 27;

    public override IEnumerable<byte[]> Seeds() => new[] { "zip.bin", "strided.bin", "bfloat16-legacy.bin", "half-legacy.bin", "protocol-4.bin", "legacy.bin", "big-endian.bin" }.Select(PublishedFiles.Read);

    public override byte[] Mutate(Mutator mutator, byte[] input) => input.AsSpan().StartsWith("PK"u8) ? ZipBytes.Mutate(mutator, input, static (mutator, content) => mutator.Bytes(content), CompressionLevel.NoCompression) : mutator.Bytes(input);

    public override void Read(string path, byte[] input)
    {
        using var file = TorchFile.Open(path);
        foreach (var (name, values) in TensorContents.Of(file))
            Expect.That(name.Length > 0 && values.Length >= 0, "a tensor has no name");
    }
}
