using System.Runtime.InteropServices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Pretrained;

namespace VideoSim.Fuzz.Formats;

/// <summary>The numbers of all tensors of a file.</summary>
internal static class TensorContents
{
    // Tensors of small files claim to have billions of equal numbers: a stride of 0. Reading some is enough.
    private const int MostValues = 1 << 16;

    /// <summary>Reads tensors of floating-point numbers, and gives them with their names and shapes.</summary>
    public static SortedDictionary<string, float[]> Of(TensorFile file)
    {
        var all = new SortedDictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors.Where(static tensor => tensor.Type.IsFloat()))
        {
            float[] values = new float[Math.Min(MostValues, tensor.ElementCount)];
            tensor.Read(0, values);
            all.Add($"{tensor.Name} [{string.Join(',', tensor.Shape)}]", values);
        }
        return all;
    }

    /// <summary>Whether all tensors of a file are equal to those of one of some files.</summary>
    public static bool AreOneOf(SortedDictionary<string, float[]> tensors, IEnumerable<SortedDictionary<string, float[]>> files) =>
        files.Any(file => file.Count == tensors.Count && file.All(one => tensors.TryGetValue(one.Key, out float[]? values) && Bits(values).SequenceEqual(Bits(one.Value))));

    private static ReadOnlySpan<byte> Bits(float[] values) => MemoryMarshal.AsBytes(values.AsSpan());
}
