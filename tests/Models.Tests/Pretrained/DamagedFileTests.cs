using System.IO.Compression;
using VideoSim.Engine;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>
/// Incomplete files and files with a flipped bit: one line names the file, and memory stays below the file's size.
/// </summary>
public sealed class DamagedFileTests
{
    // Buffers of the readers, and what .NET itself takes for a file and an exception.
    private const int Overhead = 1_000_000;

    [Theory]
    [InlineData("bert/zip.bin")]
    [InlineData("bert/legacy.bin")]
    [InlineData("bert/plain.safetensors")]
    [InlineData("roformer/keras.h5")]
    public void Read_Truncated_NamesTheFile(string name)
    {
        byte[] content = File.ReadAllBytes(PublishedFiles.PathOf(name));
        using var folder = new ScratchFolder();
        for (int length = 0; length < content.Length; length += 211)
            AssertOneLine(folder.Write($"{length}{Path.GetExtension(name)}", content[..length]), mayPass: false);
    }

    // In a legacy stream the bytes of all tensors come last: a cut there is in one of them.
    [Fact]
    public void Read_LegacyCutInItsNumbers_NamesTheTensor()
    {
        byte[] content = File.ReadAllBytes(PublishedFiles.PathOf("bert/legacy.bin"));
        using var folder = new ScratchFolder();
        for (int cut = 1; cut < 7000; cut += 131)
            Assert.Contains("tensor '", Failure(folder.Write($"{cut}.bin", content[..^cut]))!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert/zip.bin")]
    [InlineData("bert/legacy.bin")]
    [InlineData("bert/plain.safetensors")]
    [InlineData("roformer/keras.h5", 701)]
    public void Read_FlippedBit_NamesTheFileOrGivesOtherNumbers(string name, int step = 37)
    {
        byte[] content = File.ReadAllBytes(PublishedFiles.PathOf(name));
        using var folder = new ScratchFolder();
        string path = Path.Combine(folder.Path, $"flipped{Path.GetExtension(name)}");
        for (int at = 0; at < content.Length; at += step)
        {
            content[at] ^= (byte)(1 << at % 8);
            AssertOneLine(folder.Write(Path.GetFileName(path), content), mayPass: true);
            content[at] ^= (byte)(1 << at % 8);
        }
    }

    // A zip archive has a checksum of every storage.
    [Fact]
    public void Read_ZipWithAFlippedNumber_NamesTheTensor()
    {
        byte[] content = File.ReadAllBytes(PublishedFiles.PathOf("bert/zip.bin"));
        long at;
        using (var file = Models.Pretrained.Torch.TorchFile.Open(PublishedFiles.PathOf("bert/zip.bin")))
        {
            var tensor = (Models.Pretrained.Torch.TorchTensor)file.Tensors.Single(tensor => tensor.Name == "bert.encoder.layer.1.output.dense.weight");
            at = tensor.Place.Position + 5;
        }
        content[at] ^= 1;
        using var folder = new ScratchFolder();
        string path = folder.Write("flipped.bin", content);
        Assert.Equal($"{path}: tensor 'bert.encoder.layer.1.output.dense.weight' does not match its checksum in the zip archive: the file is damaged", Failure(path));
    }

    [Fact]
    public void Read_Hdf5OfAnotherByteOrder_NamesTheTensor() =>
        Assert.Equal($"{PublishedFiles.PathOf("bert/keras-big-endian.h5")}: tensor 'bert/tf_bert_model/bert/embeddings/LayerNorm/beta:0' cannot be read: its numbers have the byte order of another processor",
            Failure(PublishedFiles.PathOf("bert/keras-big-endian.h5")));

    [Fact]
    public void Open_Hdf5InChunks_IsRefused() =>
        Assert.Equal($"{PublishedFiles.PathOf("bert/chunks.h5")}: tensor 'bert/vector:0' is stored in chunks or elsewhere; Keras stores tensors whole",
            Failure(PublishedFiles.PathOf("bert/chunks.h5")));

    // A node of the root's tree that is its own child, one level below itself for ever.
    [Fact]
    public void Open_Hdf5WhoseTreeIsACircle_IsRefused()
    {
        byte[] content = File.ReadAllBytes(PublishedFiles.PathOf("bert/keras.h5"));
        int nodes = 0;
        for (int at = 0; content.AsSpan(at).IndexOf("TREE\0"u8) is >= 0 and var found; at++, nodes++)
        {
            at += found;
            content[at + 5] = 2; // level
            BitConverter.TryWriteBytes(content.AsSpan(at + 32), (long)at); // the first child
        }
        Assert.True(nodes > 1);
        using var folder = new ScratchFolder();
        string path = folder.Write("tf_model.h5", content);
        Assert.EndsWith("its parts are nested too deeply", Failure(path), StringComparison.Ordinal);
    }

    // The library would open the other file: one that nobody chose, or a pipe that makes it wait.
    [Fact]
    public void Open_Hdf5WithALinkToAnotherFile_IsRefused()
    {
        using var folder = new ScratchFolder();
        string path = Path.Combine(folder.Path, "tf_model.h5");
        var file = new PureHDF.H5File { ["part"] = new PureHDF.H5Group { ["numbers"] = new float[] { 1, 2 }, ["link"] = new PureHDF.H5SoftLink("/tmp/abc/x/y") } };
        file.Write(path);
        byte[] content = File.ReadAllBytes(path);
        int at = content.AsSpan().IndexOf("/tmp/abc/x/y"u8);
        // The message has a version, flags, a type, the name, and the value with its length: here a byte for version
        // and flags, a file and a path, each ended by a zero.
        int name = content.AsSpan(0, at).LastIndexOf("link"u8), message = name;
        while (content[message] != 1 || (content[message + 1] & 8) == 0 || content[message + 2] != 1)
            message--;
        content[message + 2] = 64;
        "\0/tmp/abc\0y\0"u8.CopyTo(content.AsSpan(at));
        File.WriteAllBytes(path, content);
        Assert.Equal($"{path}: group 'part' has a link to another file, which is not followed", Failure(path));
    }

    // The same numbers in every layer of an encoder take no room in the file, and memory for each layer in a model.
    [Fact]
    public void Check_TensorsLargerThanTheFile_AreRefused()
    {
        using var file = PublishedFiles.Open(PublishedFiles.PathOf("bert/zip.bin"));
        var tensors = new Models.Pretrained.EncoderTensors(file.Path, file.Tensors);
        var encoder = Models.Pretrained.PublishedConfig.Read(PublishedFiles.PathOf("bert/config.json")).Complete(tensors.Sizes("bert", 5), static _ => { });
        tensors.Check(encoder, new FileInfo(file.Path).Length);
        Assert.Contains("and the files 1000: tensors share their numbers", Assert.Throws<DataException>(() => tensors.Check(encoder, 1000)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoHdf5_SaysSo()
    {
        using var folder = new ScratchFolder();
        string path = folder.Write("tf_model.h5", new string('x', 100));
        Assert.Equal($"{path}: is not an HDF5 file", Failure(path));
    }

    [Fact]
    public void Open_CompressedZip_IsRefused()
    {
        using var folder = new ScratchFolder();
        string path = Path.Combine(folder.Path, "small.bin");
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Create))
        using (var stream = archive.CreateEntry("archive/data.pkl", CompressionLevel.SmallestSize).Open())
            stream.Write(new byte[1000]);
        Assert.Equal($"{path}: 'archive/data.pkl' in the zip archive is compressed or encrypted; torch.save writes neither", Failure(path));
    }

    private static void AssertOneLine(string path, bool mayPass)
    {
        long size = new FileInfo(path).Length, before = GC.GetAllocatedBytesForCurrentThread();
        string? message = Failure(path);
        if (!path.EndsWith(".h5", StringComparison.Ordinal)) // its library takes arrays of any size that a file claims, but fills none beyond the file
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * size + Overhead);
        Assert.True(mayPass || message is not null, $"{path} passed");
        if (message is not null)
        {
            Assert.StartsWith(path, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    private static string? Failure(string path)
    {
        try
        {
            PublishedFiles.ReadAll(path);
            return null;
        }
        catch (DataException failure)
        {
            return failure.Message;
        }
    }
}
