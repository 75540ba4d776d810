using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Tests.Records;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Datasets;

/// <summary>Files of frames as NumPy writes them, and files that must be refused.</summary>
public sealed class FrameFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Theory]
    [InlineData("<f2", 1)]
    [InlineData("<f4", 1)]
    [InlineData("<f4", 2)]
    [InlineData("<f2", 3)]
    public void ReadAll_EitherType_GivesTheFrames(string type, int format)
    {
        var (values, width) = FrameFile.ReadAll(_folder.Write("a.npy", NumpyFile.Of(type, "False", "(2, 3)", [1, -2.5f, 0, 65504, 6e-8f, -0f], format)));
        Assert.Equal(3, width);
        Assert.Equal([(Half)1, (Half)(-2.5f), (Half)0, Half.MaxValue, Half.Epsilon, Half.NegativeZero], values);
    }

    [Theory]
    [InlineData("<f4", "True", "(2, 2)", 4, "Fortran order")]
    [InlineData(">f4", "False", "(2, 2)", 4, "has values of type '>f4'")]
    [InlineData("<f8", "False", "(2, 2)", 4, "has values of type '<f8'")]
    [InlineData("|O", "False", "(2, 2)", 4, "contains Python objects, which are not read")]
    [InlineData("<f4", "False", "(4,)", 4, "has 1 dimensions; expected 2")]
    [InlineData("<f4", "False", "()", 4, "has 0 dimensions; expected 2")]
    [InlineData("<f4", "False", "(1, 2, 2)", 4, "has 3 dimensions; expected 2")]
    [InlineData("<f4", "False", "(0, 2)", 0, "has no frames")]
    [InlineData("<f4", "False", "(2, 0)", 0, "has frames without values")]
    [InlineData("<f4", "False", "(2, 3)", 4, "2 frames of 3 values need 152 bytes, the file has 144")]
    [InlineData("<f4", "False", "(1, 3)", 4, "1 frames of 3 values need 140 bytes, the file has 144")]
    [InlineData("<f4", "False", "(9223372036854775807, 2)", 4, "a video may have 268435456 values")]
    [InlineData("<f4", "False", "(99999999999999999999, 2)", 4, "its header is not that of a plain array")]
    [InlineData("<f4', 'a': '<f4", "False", "(2, 2)", 4, "its header is not that of a plain array")]
    public void TryOpen_OtherArrays_AreRefused(string type, string order, string shape, int values, string reason) =>
        Refused(_folder.Write("a.npy", NumpyFile.Of(type, order, shape, new float[values])), reason);

    [Theory]
    [InlineData("<f4", float.NaN, "frame 1 has NaN at value 1")]
    [InlineData("<f4", float.PositiveInfinity, "frame 1 has infinity at value 1")]
    [InlineData("<f4", 65520f, "frame 1 has 65520, outside of float16's range, at value 1")]
    [InlineData("<f4", -1e38f, "frame 1 has -1E+38, outside of float16's range, at value 1")]
    [InlineData("<f2", float.NaN, "frame 1 has NaN at value 1")]
    [InlineData("<f2", float.NegativeInfinity, "frame 1 has infinity at value 1")]
    public void TryRead_ValueThatFp16DoesNotHave_IsNamed(string type, float value, string reason) =>
        Refused(_folder.Write("a.npy", NumpyFile.Of(type, "False", "(2, 2)", [1, 2, 3, value])), reason);

    [Fact]
    public void TryOpen_NoArray_IsRefused()
    {
        byte[] whole = NumpyFile.Of("<f4", "False", "(2, 2)", new float[4]);
        Refused(_folder.Write("a.npy", []), "the file is empty");
        Refused(_folder.Write("a.npy", "id,title"), "is not a .npy file");
        Refused(_folder.Write("a.npy", whole[..100]), "the file ends inside its header");
        whole[6] = 4;
        Refused(_folder.Write("a.npy", whole), "is not a .npy file");
        Refused(Path.Combine(_folder.Path, "missing.npy"), "there is no such file");
        Refused(_folder.Path, "is a folder");
        if (OperatingSystem.IsLinux())
            Refused("/dev/zero", "is a device or a pipe");
    }

    // Every exponent with mantissas around those where rounding changes, and numbers between them.
    [Fact]
    public void FromSingles_AnyValue_RoundsLikeACast()
    {
        var random = new Random(1);
        var values = new List<float>();
        for (uint exponent = 0; exponent < 256; exponent++)
        {
            foreach (uint mantissa in new uint[] { 0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x2fff, 0x3000, 0x3001, 0x7fefff, 0x7ff000, 0x7fffff, (uint)random.Next(1 << 23) })
                values.AddRange([BitConverter.UInt32BitsToSingle(exponent << 23 | mantissa), BitConverter.UInt32BitsToSingle(1u << 31 | exponent << 23 | mantissa)]);
        }
        var halves = new Half[values.Count];
        HalfValues.FromSingles(CollectionsMarshal.AsSpan(values), halves);
        for (int i = 0; i < halves.Length; i++)
            Assert.True(halves[i].Equals((Half)values[i]) && Half.IsNegative(halves[i]) == float.IsNegative(values[i]), string.Create(CultureInfo.InvariantCulture, $"{values[i]:R}: {halves[i]}"));
    }

    public void Dispose() => _folder.Dispose();

    private static void Refused(string path, string reason)
    {
        var failure = Assert.Throws<DataException>(() => FrameFile.ReadAll(path));
        Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }
}
