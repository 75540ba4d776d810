using VideoSim.Models.Datasets;

namespace VideoSim.Fuzz.Formats;

/// <summary>The weights of a model folder with checksums. No changed byte is taken.</summary>
internal sealed class CheckedFolderFormat() : Format("checked-folder", "model.safetensors", "FolderChecksums: model folders, checkpoints")
{
    private byte[] _valid = [];

    public override IEnumerable<byte[]> Seeds() => [ModelFolderFiles.FileOf(ModelFolderFiles.Bert, FileName)];

    public override void Prepare(string folder)
    {
        ModelFolderFiles.Write(folder, ModelFolderFiles.Bert, hasChecksums: true);
        _valid = File.ReadAllBytes(Path.Combine(folder, FileName));
    }

    public override void Read(string path, byte[] input)
    {
        FolderChecksums.Require(Path.GetDirectoryName(path)!, isModel: true, [FileName]);
        Expect.Items<byte>(_valid, input, "changed weights were taken");
    }
}
