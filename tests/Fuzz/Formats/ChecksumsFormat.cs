using System.Security.Cryptography;
using System.Text.Json;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Datasets;

namespace VideoSim.Fuzz.Formats;

/// <summary>checksums.json of a model folder. What it lists must be in the folder, unchanged.</summary>
internal sealed class ChecksumsFormat() : Format("checksums", FolderChecksums.Name, "FolderChecksums: model folders, checkpoints")
{
    // The files that opening a model reads.
    private static readonly string[] Used = ["config.json", "model.safetensors", "vocab.txt", "tag_list.txt", "tokenizer_config.json"];

    public override IEnumerable<byte[]> Seeds() => [ModelFolderFiles.FileOf(ModelFolderFiles.Bert, FileName)];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Prepare(string folder) => ModelFolderFiles.Write(folder, ModelFolderFiles.Bert, hasChecksums: true);

    public override void Read(string path, byte[] input)
    {
        string folder = Path.GetDirectoryName(path)!;
        FolderChecksums.Require(folder, isModel: true, Used);
        var listed = JsonOracle.Strict(input);
        foreach (var file in listed.EnumerateObject())
            Expect.Equal(file.Value.GetString(), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, file.Name)))), "SHA-256 of a file");
        foreach (string name in Used)
            Expect.That(listed.TryGetProperty(name, out var hash) && hash.ValueKind == JsonValueKind.String, "a file that is not listed was taken", name);
    }
}
