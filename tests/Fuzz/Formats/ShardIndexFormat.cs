using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Pretrained;

namespace VideoSim.Fuzz.Formats;

/// <summary>The list of an encoder's shards. Every tensor must come from the shard that the list names.</summary>
internal sealed class ShardIndexFormat() : Format("shard-index", "model.safetensors.index.json", "WeightFiles: --text-encoder, convert")
{
    public override IEnumerable<byte[]> Seeds() => [PublishedFiles.Read(FileName)];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Prepare(string folder) => PublishedFiles.Copy(folder, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");

    public override void Read(string path, byte[] input)
    {
        using var files = WeightFiles.Open(Path.GetDirectoryName(path)!, openHdf5: null);
        var map = JsonOracle.Strict(input).GetProperty("weight_map");
        Expect.Equal(map.EnumerateObject().Count(), files.Tensors.Count, "number of tensors");
        foreach (var tensor in files.Tensors)
            Expect.Equal(map.GetProperty(tensor.Name).GetString(), Path.GetFileName(tensor.File.Path), "shard of a tensor");
    }
}
