using System.IO.Compression;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Pretrained.Torch;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>
/// Pickles that would run code, or that need more data than they have. They are refused by name, in a zip archive
/// and as a stream.
/// </summary>
public sealed class HostilePickleTests
{
    [Theory]
    [InlineData("cos\nsystem\n(S'true'\ntR.", "names 'os.system', which weights do not need; nothing was executed")]
    [InlineData("\u0080\u0002cbuiltins\neval\nX\u0004\0\0\01+1=\u0085R.", "names 'builtins.eval'")]
    [InlineData("\u0080\u0004\u008c\u0005posix\u008c\u0006system\u0093.", "names 'posix.system'")]
    [InlineData("\u0080\u0002ctorch.storage\n_load_from_bytes\nU\u0001a\u0085R.", "names 'torch.storage._load_from_bytes'")]
    [InlineData("\u0080\u0002ccollections\nOrderedDict\n)R)R.", "calls something that is not on the allow-list; nothing was executed")]
    [InlineData("\u0080\u0002ctorch._utils\n_rebuild_parameter\nccollections\nOrderedDict\n)R\u0085R.", "calls torch._utils._rebuild_parameter with the wrong arguments")]
    [InlineData("\u0080\u0002ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage with the wrong arguments")]
    [InlineData("\u0080\u0002ctorch\nFloatStorage\n}b.", "sets the state of something that is not a dictionary")]
    [InlineData("\u0080\u0002ccollections\nOrderedDict\n)\u0081.", "uses the operation NEWOBJ")]
    [InlineData("(U\u0001aios\nsystem\n.", "uses the operation INST")]
    [InlineData("\u0080\u0002X\u00ff\u00ff\u00ff\u007fa.", "has a text of 2147483647 bytes, more than the 65536 allowed")]
    [InlineData("\u0080\u0002X\u00ff\u00ff\0\0a.", "needs 65535 bytes, but ")]
    [InlineData("\u0080\u0004B\u00ff\u00ff\u00ff\u00ff.", "before it is complete: truncated?")]
    [InlineData("\u0080\u0002h\u0007.", "reads memo entry 7, which was never written")]
    [InlineData("\u0080\u0002K\u0001r\u00ff\u00ff\u00ff\u007f.", "writes memo entry 2147483647, more than 262144")]
    [InlineData("\u0080\u0002R.", "takes a value from an empty stack")]
    [InlineData("\u0080\u0002K\u0001(0.", "takes a value from an empty stack")]
    [InlineData("\u0080\u0002u.", "removes values back to a mark, but there is no mark")]
    [InlineData("\u0080\u0002}]K\u0001s.", "has a key that is neither text nor number")]
    [InlineData("\u0080\u0009N.", "has protocol 9")]
    [InlineData("<html>", "uses the operation 0x3c")]
    public void Read_AnythingThatWeightsDoNotNeed_IsRefusedByName(string pickle, string message)
    {
        foreach (string path in Both(Encoding.Latin1.GetBytes(pickle), out var folder))
        {
            var failure = Assert.Throws<DataException>(() => TorchFile.Open(path));
            Assert.StartsWith(path, failure.Message, StringComparison.Ordinal);
            Assert.Contains(message, failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure.Message);
            if (path.EndsWith("bare.bin", StringComparison.Ordinal))
                folder.Dispose();
        }
    }

    // A list that contains the same list twice, 30 levels deep, has a billion items when it is expanded. A recalled
    // list is not copied.
    [Fact]
    public void Read_MemoBomb_TakesNoMemory()
    {
        var nested = new StringBuilder("\u0080\u0002]q\0");
        for (int level = 0; level < 200; level++)
            nested.Append("]q\0(").Append("h\0h\0").Append('e');
        nested.Append('.');
        AssertRefusedCheaply(Encoding.Latin1.GetBytes(nested.ToString()), "has no named tensors");
    }

    [Fact]
    public void Read_ListThatIsCopiedOverAndOver_IsStopped()
    {
        var pickle = new StringBuilder("\u0080\u0002ccollections\nOrderedDict\nq\u0001(");
        for (int i = 0; i < 1000; i++)
            pickle.Append("]K\u0001aNa");
        pickle.Append("lq\u0002");
        for (int i = 0; i < 10_000; i++)
            pickle.Append("h\u0001h\u0002\u0085R");
        AssertRefusedCheaply(Encoding.Latin1.GetBytes(pickle.Append('.').ToString()), "has more than 262144 operations");
    }

    [Fact]
    public void Read_MillionsOfDictionaries_IsStopped() =>
        AssertRefusedCheaply(Encoding.Latin1.GetBytes("\u0080\u0002" + new string('}', 3_000_000) + "."), "has more than 262144 operations");

    [Theory]
    [InlineData("K\0", "K\u0009K\u0009\u0086", "K\u0009K\u0001\u0086", "2", "of shape [9, 9] does not fit into its storage of 2 numbers")]
    [InlineData("K\u0001", "K\u0002\u0085", "K\u0001\u0085", "2", "of shape [2] does not fit into its storage of 2 numbers")]
    [InlineData("K\0", "K\u0002\u0085", "K\u0002\u0085", "2", "of shape [2] does not fit into its storage of 2 numbers")]
    [InlineData("K\0", "K\u0009\u0085", "K\0\u0085", "2", "of shape [9] does not fit into its storage of 2 numbers")] // stride 0: one number for all
    [InlineData("J\u00ff\u00ff\u00ff\u00ff", "K\u0001\u0085", "K\u0001\u0085", "2", "does not fit into its storage")]
    [InlineData("K\0", "J\u00ff\u00ff\u00ff\u00ff\u0085", "K\u0001\u0085", "2", "has the size -1")]
    [InlineData("K\0", "K\u0001K\u0001\u0086", "K\u0001\u0085", "2", "has 2 sizes and 1 strides")]
    [InlineData("K\0", "U\u0001a\u0085", "K\u0001\u0085", "2", "has a size that is not a number")]
    [InlineData("K\0", "\u008a\u0008\0\0\0\0\0\0\0@\u008a\u0008\0\0\0\0\0\0\0@\u0086", "\u008a\u0008\0\0\0\0\0\0\0@K\u0001\u0086", "2", "does not fit into its storage of 2 numbers")]
    [InlineData("K\0", "K\u0002\u0085", "K\u0001\u0085", "3", "has a storage of 3 numbers of type F32, but its file in the zip archive has 8 bytes")]
    [InlineData("K\0", "K\u0002\u0085", "K\u0001\u0085", "x", "the zip archive has no file 'data/1' with its numbers")]
    public void Read_TensorThatLeavesItsStorage_IsNamed(string offset, string size, string stride, string storage, string message)
    {
        (string key, char count) = storage == "x" ? ("1", '\u0002') : ("0", (char)int.Parse(storage, System.Globalization.CultureInfo.InvariantCulture));
        string pickle = $"\u0080\u0002}}U\u0001wctorch._utils\n_rebuild_tensor_v2\n((U\u0007storagectorch\nFloatStorage\nU\u0001{key}U\u0003cpuK{count}tQ{offset}{size}{stride}\u0089}}tRs.";
        using var folder = new ScratchFolder();
        string path = Zip(folder, Encoding.Latin1.GetBytes(pickle));
        var failure = Assert.Throws<DataException>(() => TorchFile.Open(path));
        Assert.StartsWith($"{path}: tensor 'w'", failure.Message, StringComparison.Ordinal);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    // The checksum of each would be that of the whole file.
    [Fact]
    public void Read_ZipWhoseFilesShareTheirBytes_IsRefused()
    {
        using var folder = new ScratchFolder();
        string path = Zip(folder, "\u0080\u0002}."u8.ToArray());
        byte[] zip = File.ReadAllBytes(path);
        // The list at the end has the positions of both files.
        int first = zip.AsSpan().IndexOf("PK\u0001\u0002"u8), second = first + 1 + zip.AsSpan(first + 1).IndexOf("PK\u0001\u0002"u8);
        zip.AsSpan(first + 42, 4).CopyTo(zip.AsSpan(second + 42, 4));
        File.WriteAllBytes(path, zip);
        Assert.Equal($"{path}: 'archive/data/0' in the zip archive has no header of its name at its position in the directory: damaged?", Assert.Throws<DataException>(() => TorchFile.Open(path)).Message);
        // The first file ends behind the beginning of the second one.
        File.Delete(path);
        zip = File.ReadAllBytes(Zip(folder, "\u0080\u0002}."u8.ToArray()));
        BitConverter.TryWriteBytes(zip.AsSpan(first + 20), 60);
        BitConverter.TryWriteBytes(zip.AsSpan(first + 24), 60);
        File.WriteAllBytes(path, zip);
        Assert.Equal($"{path}: 'archive/data/0' in the zip archive begins inside another file of it", Assert.Throws<DataException>(() => TorchFile.Open(path)).Message);
    }

    // A file with its numbers in the byte order of another processor says so in a file of its own. Without that file
    // they would be read in the usual order.
    [Fact]
    public void Read_ZipWithADamagedNameInItsList_IsRefused()
    {
        byte[] zip = File.ReadAllBytes(PublishedFiles.PathOf("bert/big-endian.bin"));
        zip[zip.AsSpan().LastIndexOf("byteorder"u8) + 2] ^= 1;
        using var folder = new ScratchFolder();
        string path = folder.Write("damaged.bin", zip);
        Assert.EndsWith("byueorder' in the zip archive has no header of its name at its position in the directory: damaged?", Assert.Throws<DataException>(() => TorchFile.Open(path)).Message, StringComparison.Ordinal);
    }

    private static void AssertRefusedCheaply(byte[] pickle, string message)
    {
        using var folder = new ScratchFolder();
        string path = Zip(folder, pickle);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(message, Assert.Throws<DataException>(() => TorchFile.Open(path)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    private static string[] Both(byte[] pickle, out ScratchFolder folder)
    {
        folder = new ScratchFolder();
        return [Zip(folder, pickle), folder.Write("bare.bin", pickle)];
    }

    private static string Zip(ScratchFolder folder, byte[] pickle)
    {
        string path = Path.Combine(folder.Path, "zip.bin");
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        Add("data.pkl", pickle);
        Add("data/0", new byte[8]);
        return path;

        void Add(string name, byte[] content)
        {
            using var stream = archive.CreateEntry($"archive/{name}", CompressionLevel.NoCompression).Open();
            stream.Write(content);
        }
    }
}
