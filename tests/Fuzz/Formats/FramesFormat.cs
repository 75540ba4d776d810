using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Datasets;

namespace VideoSim.Fuzz.Formats;

/// <summary>Frames of a video for NumPy.</summary>
internal sealed class FramesFormat() : Format("frames", "video.npy", "FrameFile: data import, embed --frames")
{
    public override IEnumerable<byte[]> Seeds() =>
    [
        NumpyFile.Of(NumpyFile.Header("<f4", 2, 3), MemoryMarshal.AsBytes<float>([1, 2, 3, -4, 5, 6.5f])), NumpyFile.Of(NumpyFile.Header("<f2", 1, 4), MemoryMarshal.AsBytes<Half>([(Half)1, (Half)(-2), (Half)0.5, Half.MaxValue]), version: 3),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => NumpyFile.Mutate(mutator, input);

    public override void Read(string path, byte[] input)
    {
        bool isRight = FrameFile.TryParse(input, out var parsed, out int parsedWidth, out string? reason);
        var (values, width) = ReadAll(path, reason);
        Expect.That(isRight, "a file was taken that is refused in memory");
        Expect.Equal(width, parsedWidth, "width in memory");
        Expect.Items(values, parsed!, "values in memory");
        var expected = NumpyFile.Read(input) ?? throw new WrongValueException("a wrong header was taken", Encoding.Latin1.GetString(input.AsSpan(0, Math.Min(200, input.Length))));
        Expect.Items<long>([values.Length / width, width], expected.Shape, "shape");
        Expect.Equal(expected.Start + values.Length * (expected.Type[2] - '0'), input.Length, "size of the file");
        for (int i = 0; i < values.Length; i++)
        {
            Expect.Equal((Half)expected.Value(input, i), values[i], "value");
            Expect.That(Half.IsFinite(values[i]), "a value that is not finite was taken");
        }
    }

    // The file, and its bytes in memory, are refused for the same reason.
    private static (Half[] Values, int Width) ReadAll(string path, string? reason)
    {
        try
        {
            return FrameFile.ReadAll(path);
        }
        catch (DataException failure)
        {
            Expect.Equal($"{path}: {reason}", failure.Message, "reason");
            throw;
        }
    }
}
