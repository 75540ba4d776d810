using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Datasets;

public sealed class NpyFramesTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_Halves_GivesTheirBits()
    {
        Half[] values = [(Half)0.1, (Half)(-2), Half.Epsilon, Half.MaxValue, (Half)(-0.0), (Half)3];
        var frames = NpyFrames.Read(_folder.Write("x.npy", Npy("<f2", 3, 2, MemoryMarshal.AsBytes<Half>(values))));
        Assert.Equal((2, 3), (frames.Width, frames.Count));
        Assert.Equal(values, frames.Values);
    }

    // 2049 lies between 2048 and 2050; 65519.99 is the largest number that is rounded to 65504.
    [Fact]
    public void Read_Singles_AreRoundedToTheNearestHalf()
    {
        float[] values = [0.1f, 2049, 65519.99f, -1e-9f];
        var frames = NpyFrames.Read(_folder.Write("x.npy", Npy("<f4", 1, 4, MemoryMarshal.AsBytes<float>(values))));
        Assert.Equal([(Half)0.1, (Half)2048, Half.MaxValue, (Half)(-0.0)], frames.Values);
    }

    [Theory]
    [InlineData("<f4", float.NaN, "frame 1 has NaN or infinity at value 1")]
    [InlineData("<f4", float.NegativeInfinity, "frame 1 has NaN or infinity at value 1")]
    [InlineData("<f4", 65520f, "frame 1 has 65520 at value 1, too large for float16")]
    [InlineData("<f2", float.PositiveInfinity, "frame 1 has NaN or infinity at value 1")]
    public void Read_ValueThatRecordsCannotHave_NamesFrameAndValue(string type, float value, string complaint)
    {
        float[] values = [1, 2, 3, value];
        byte[] bytes = type == "<f4" ? MemoryMarshal.AsBytes<float>(values).ToArray() : MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, static single => (Half)single)).ToArray();
        Refused(_folder.Write("x.npy", Npy(type, 2, 2, bytes)), complaint);
    }

    [Theory]
    [InlineData("<f8", 1, 2, 16, "expected a matrix of 1 to 65536 columns of '<f2' or '<f4' in C order, got")]
    [InlineData("<f2", 1, 65537, 131074, "expected a matrix of 1 to 65536 columns")]
    [InlineData("<f2", 0, 2, 0, "there are no frames: the matrix has no rows")]
    [InlineData("<f2", 1, 2, 3, "a matrix of 1 x 2 needs 4 bytes, the file has 3")]
    [InlineData("<f2", 1_000_001, 1, 2_000_002, "a matrix of 1000001 x 1 is too large for the frames of one video")]
    public void Read_OtherMatrix_IsRefused(string type, int rows, int width, int bytes, string complaint) =>
        Refused(_folder.Write("x.npy", Npy(type, rows, width, new byte[bytes])), complaint);

    [Fact]
    public void Read_NoNpyFile_IsRefused()
    {
        Refused(_folder.Write("x.npy", "PK\u0003\u0004 a zip"), "not a .npy file of format 1.0");
        Refused(Path.Combine(_folder.Path, "none.npy"), "cannot be read: there is no such file or folder");
    }

    internal static byte[] Npy(string type, int rows, int width, ReadOnlySpan<byte> data)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({rows}, {width}), }}\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. data];
    }

    private static void Refused(string path, string complaint)
    {
        string message = Assert.Throws<DataException>(() => NpyFrames.Read(path)).Message;
        Assert.StartsWith($"{path}: {complaint}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
