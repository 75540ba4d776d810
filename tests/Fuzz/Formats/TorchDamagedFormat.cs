using VideoSim.Models.Pretrained.Torch;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// Damaged zips of torch.save. Checksums are not mended, so tensors that are read must be those of a valid file.
/// </summary>
internal sealed class TorchDamagedFormat() : Format("torch-damaged", "pytorch_model.bin", "TorchFile: --text-encoder, convert")
{
    private readonly List<SortedDictionary<string, float[]>> _valid = [];

    public override IEnumerable<byte[]> Seeds() => new[] { "zip.bin", "half.bin", "big-endian.bin" }.Select(PublishedFiles.Read);

    public override void Prepare(string folder)
    {
        string path = Path.Combine(folder, "valid.bin");
        foreach (byte[] valid in Seeds())
        {
            File.WriteAllBytes(path, valid);
            using var file = TorchFile.Open(path);
            _valid.Add(TensorContents.Of(file));
        }
    }

    public override void Read(string path, byte[] input)
    {
        using var file = TorchFile.Open(path);
        Expect.That(TensorContents.AreOneOf(TensorContents.Of(file), _valid), "damaged tensors were taken");
    }
}
