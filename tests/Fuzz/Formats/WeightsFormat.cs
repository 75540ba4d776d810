using System.Buffers.Binary;
using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Checkpoints;

namespace VideoSim.Fuzz.Formats;

/// <summary>model.safetensors of a model folder, read into the model. Every weight must be that of the file.</summary>
internal sealed class WeightsFormat() : Format("weights", "model.safetensors", "WeightFile, ModelFolder.Load: --checkpoint, --pretrained, checkpoints")
{
    private static readonly CpuDevice Device = new(threads: 1); // until the process ends

    public override IEnumerable<byte[]> Seeds() => [ModelFolderFiles.FileOf(ModelFolderFiles.RoFormer, FileName)];

    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        int header = input.Length < sizeof(ulong) ? int.MaxValue : (int)Math.Min(int.MaxValue, sizeof(ulong) + BinaryPrimitives.ReadUInt64LittleEndian(input) % int.MaxValue);
        if (mutator.OneIn(3) || header > input.Length)
            return mutator.Bytes(input);
        byte[] changed = mutator.Json(input[sizeof(ulong)..header]);
        byte[] length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteInt64LittleEndian(length, changed.Length);
        return [.. length, .. changed, .. input.AsSpan(header)];
    }

    public override void Prepare(string folder) => ModelFolderFiles.Write(folder, ModelFolderFiles.RoFormer);

    public override void Read(string path, byte[] input)
    {
        var folder = ModelFolder.Open(Path.GetDirectoryName(path)!, ModelFolderFiles.TinyDictionary);
        var model = folder.Load(Device, training: false);
        using var parameters = model.Parameters;
        using var reader = SafetensorsReader.Open(path);
        foreach (var (name, value) in parameters.Parts().Select(static part => (part.Name, part.Value)).Concat(parameters.StateParts()))
        {
            float[] expected = new float[value.Shape.Count], read = new float[value.Shape.Count];
            reader.ReadFloats(reader.TryFind(name)!, expected);
            Device.Download(value.Address, MemoryMarshal.AsBytes(read.AsSpan()));
            Expect.EqualBits<float>(expected, read, "weights");
            Expect.That(read.All(float.IsFinite), "a weight that is not finite was taken");
        }
    }
}
