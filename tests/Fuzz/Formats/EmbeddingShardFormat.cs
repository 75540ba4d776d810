using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Fuzz.Formats;

/// <summary>A shard of embeddings, of one video. Its values must be those of the file.</summary>
internal sealed class EmbeddingShardFormat() : Format("embedding-shard", "e.json.shard-1-of-1", "EmbeddingShards: embed --collect")
{
    private static readonly float[] Values = [1, -0.5f, 3, 1e-7f]; // as many as an embedding of the model has

    private EmbeddingShards? _shards; // those of the input's folder. To open its model takes longer than to read a shard

    public override IEnumerable<byte[]> Seeds()
    {
        using var folder = new WorkFolder();
        using var device = new CpuDevice(threads: 1);
        Prepare(folder.Path);
        string path = Path.Combine(folder.Path, FileName);
        Shards(path).Write(new Shard(1, 1), Values, MadeBy.This(device));
        yield return File.ReadAllBytes(path);
    }

    public override byte[] Mutate(Mutator mutator, byte[] input) => SafetensorsFormat.Change(mutator, input);

    public override void Prepare(string folder)
    {
        ModelFolderFiles.Write(folder, ModelFolderFiles.Bert);
        File.WriteAllBytes(Path.Combine(folder, "frames.npy"), NumpyFile.Of(NumpyFile.Header("<f4", 1, 8), MemoryMarshal.AsBytes<float>(new float[8])));
    }

    public override void Read(string path, byte[] input)
    {
        var (table, device) = (_shards ??= Shards(path)).Join([new Shard(1, 1)], IProgressSink.None);
        Expect.Equal($"cpu ({RuntimeInformation.ProcessArchitecture})", device, "device");
        Expect.Items<double>([.. MemoryMarshal.Cast<byte, float>(input.AsSpan(input.Length - (sizeof(float) * Values.Length))).ToArray().Select(static value => (double)value)], table[0], "values");
    }

    private static EmbeddingShards Shards(string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        return new EmbeddingShards(Path.Combine(folder, "e.json"), ModelFolder.Open(folder), [], MemoryVideos.OfFile("1", "t", Path.Combine(folder, "frames.npy")));
    }
}
