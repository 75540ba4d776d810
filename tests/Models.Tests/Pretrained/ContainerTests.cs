using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>
/// Files of real PyTorch and of an independent safetensors writer: every tensor bit-equal to what was written.
/// </summary>
public sealed class ContainerTests
{
    [Theory]
    [InlineData("bert/zip.bin")]
    [InlineData("bert/legacy.bin")]
    [InlineData("bert/aliased.bin")]
    [InlineData("bert/strided.bin")]
    [InlineData("bert/strided-legacy.bin")]
    [InlineData("bert/parameters.bin")]
    [InlineData("bert/protocol-4.bin")]
    [InlineData("bert/little-endian.bin")]
    [InlineData("bert/big-endian.bin")]
    [InlineData("bert/half.bin", "F16")]
    [InlineData("bert/half-legacy.bin", "F16")]
    [InlineData("bert/half.safetensors", "F16")]
    [InlineData("bert/bfloat16.bin", "BF16")]
    [InlineData("bert/bfloat16-legacy.bin", "BF16")]
    [InlineData("bert/bfloat16.safetensors", "BF16")]
    [InlineData("bert/double.bin", "F64")]
    [InlineData("bert/double-legacy.bin", "F64")]
    [InlineData("bert/double.safetensors", "F64")]
    [InlineData("bert/plain.safetensors")]
    [InlineData("roformer/zip.bin")]
    [InlineData("roformer/legacy.bin")]
    [InlineData("roformer/aliased.bin")]
    [InlineData("roformer/plain.safetensors")]
    public void Read_EveryTensor_IsBitEqual(string name, string type = "F32")
    {
        using var file = PublishedFiles.Open(PublishedFiles.PathOf(name));
        Check(name[..name.IndexOf('/', StringComparison.Ordinal)], file.Tensors, Enum.Parse<SafetensorsType>(type));
    }

    [Fact]
    public void Read_Hdf5Halves_GivesRunsThatCrossRows()
    {
        using var file = PublishedFiles.Open(PublishedFiles.PathOf("bert/half.h5"));
        var matrix = file.Tensors.Single(static tensor => tensor.Name == "matrix:0");
        Assert.Equal(SafetensorsType.F16, matrix.Type);
        for (int first = 0; first < 15; first++)
        {
            for (int count = 1; count <= 15 - first; count++)
            {
                float[] run = new float[count];
                matrix.Read(first, run);
                Assert.Equal(Enumerable.Range(first, count).Select(static value => (float)value), run);
            }
        }
        float[] number = new float[1];
        file.Tensors.Single(static tensor => tensor.Name == "number:0").Read(0, number);
        Assert.Equal(0.5f, number[0]);
    }

    [Fact]
    public void Read_WholeNumbersOrBeyondTheEnd_IsRefused()
    {
        using var file = PublishedFiles.Open(PublishedFiles.PathOf("bert/zip.bin"));
        var positions = file.Tensors.Single(static tensor => tensor.Name == "bert.embeddings.position_ids");
        Assert.EndsWith("tensor 'bert.embeddings.position_ids' has type I64, expected floating-point numbers",
            Assert.Throws<DataException>(() => positions.Read(0, new float[20])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Tensors[0].Read(file.Tensors[0].ElementCount, new float[1]));
    }

    [Theory]
    [InlineData(".safetensors")]
    [InlineData(".bin")]
    public void Open_Shards_GiveEveryTensor(string suffix)
    {
        using var folder = new ScratchFolder();
        CopyShards(folder, suffix);
        using var files = WeightFiles.Open(folder.Path, openHdf5: null);
        Check("bert", files.Tensors, SafetensorsType.F32);
    }

    [Theory]
    [InlineData("-00002-of-00002", "-00003-of-00002", "model-00003-of-00002.safetensors: cannot be read: there is no such file or folder")]
    [InlineData("model-00002-of-00002", "../model-00002", "which is not the name of a file in the same folder")]
    [InlineData("model-00002-of-00002.safetensors", "model-00002-of-00002.bin", "which is not the name of a file in the same folder")]
    [InlineData("bert.pooler.dense.bias", "bert.pooler.dense.bia", "tensor 'bert.pooler.dense.bia' is missing, but model.safetensors.index.json lists it")]
    [InlineData("\"bert.pooler.dense.bias\"", "\"bert.pooler.dense.weight\"", "model.safetensors.index.json: is not valid JSON")]
    [InlineData("weight_map", "weights", "model.safetensors.index.json: has no weight_map")]
    public void Open_WrongIndex_SaysWhatIsWrong(string old, string changed, string message)
    {
        using var folder = new ScratchFolder();
        CopyShards(folder, ".safetensors");
        string index = Path.Combine(folder.Path, "model.safetensors.index.json");
        File.WriteAllText(index, File.ReadAllText(index).Replace(old, changed, StringComparison.Ordinal));
        Assert.Contains(message, Assert.Throws<DataException>(() => WeightFiles.Open(folder.Path, openHdf5: null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SeveralFiles_TakesSafetensorsThenPyTorch()
    {
        using var folder = new ScratchFolder();
        File.Copy(PublishedFiles.PathOf("bert/zip.bin"), Path.Combine(folder.Path, "pytorch_model.bin"));
        folder.Write("tf_model.h5", "not read");
        using (var files = WeightFiles.Open(folder.Path, openHdf5: null))
            Assert.Equal(("pytorch_model.bin", "tf_model.h5"), (Path.GetFileName(files.Path), Assert.Single(files.Unread)));
        File.Copy(PublishedFiles.PathOf("bert/plain.safetensors"), Path.Combine(folder.Path, "model.safetensors"));
        using (var files = WeightFiles.Open(folder.Path, openHdf5: null))
            Assert.Equal(("model.safetensors", 2), (Path.GetFileName(files.Path), files.Unread.Count));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("tf_model.h5")]
    public void Open_LfsPointer_SaysSo(string name)
    {
        using var folder = new ScratchFolder();
        folder.Write(name, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 411578458\n");
        var failure = Assert.Throws<DataException>(() => WeightFiles.Open(folder.Path, openHdf5: null));
        Assert.Equal($"{Path.Combine(folder.Path, name)}: is a Git LFS pointer of a few lines, not the file itself; fetch it with 'git lfs pull'", failure.Message);
    }

    [Fact]
    public void Open_NoWeights_NamesWhatIsReadAndHdf5WithoutReaderSaysSo()
    {
        using var folder = new ScratchFolder();
        Assert.Contains("has no weights: none of model.safetensors, ", Assert.Throws<DataException>(() => WeightFiles.Open(folder.Path, null)).Message, StringComparison.Ordinal);
        folder.Write("tf_model.h5", "HDF");
        Assert.Contains("without a reader for HDF5", Assert.Throws<DataException>(() => WeightFiles.Open(folder.Path, null)).Message, StringComparison.Ordinal);
    }

    private static void CopyShards(ScratchFolder folder, string suffix)
    {
        foreach (string path in Directory.GetFiles(PublishedFiles.PathOf("bert"), $"*model*{suffix}*"))
            File.Copy(path, Path.Combine(folder.Path, Path.GetFileName(path)));
    }

    private static void Check(string kind, IReadOnlyList<StoredTensor> tensors, SafetensorsType type)
    {
        using var golden = SafetensorsReader.Open(PublishedFiles.PathOf($"{kind}/golden.safetensors"));
        SafetensorsEntry[] expected = [.. golden.Entries.Where(entry => entry.Name.StartsWith($"{kind}.", StringComparison.Ordinal))];
        Assert.Equal(kind == "bert" ? 5 + 2 * 16 + 2 : 4 + 2 * 16, expected.Length);
        foreach (var entry in expected)
        {
            var tensor = tensors.Single(tensor => tensor.Name.Replace("gamma", "weight", StringComparison.Ordinal).Replace("beta", "bias", StringComparison.Ordinal) == entry.Name);
            Assert.Equal(entry.Shape, tensor.Shape);
            Assert.Equal(type, tensor.Type);
            float[] values = new float[entry.ElementCount];
            golden.ReadFloats(entry, values);
            float[] rounded = Array.ConvertAll(values, value => type switch
            {
                SafetensorsType.F16 => (float)(Half)value,
                SafetensorsType.BF16 => Kernels.Common.BFloat16.Round(value),
                _ => value,
            });
            float[] whole = new float[entry.ElementCount];
            tensor.Read(0, whole);
            Assert.Equal(rounded, whole);
            float[] pieces = new float[entry.ElementCount];
            for (int first = 0; first < pieces.Length; first += 7)
                tensor.Read(first, pieces.AsSpan(first, Math.Min(7, pieces.Length - first)));
            Assert.Equal(rounded, pieces);
        }
    }
}
