using System.Security.Cryptography;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>The hashes of the files of a folder are those of what is on the disk.</summary>
public sealed class HashingStreamTests : IDisposable
{
    private const int Block = 1 << 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Pieces of one size, also across the blocks that another thread hashes.
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(Block - 1, 1000)]
    [InlineData(Block, Block)]
    [InlineData(Block + 1, Block)]
    [InlineData(5 * Block + 7, 3 * Block)]
    [InlineData(5 * Block + 7, 4099)]
    [InlineData(140 * Block + 7, 3 * Block)] // is flushed twice on the way
    public void Add_FileInPieces_HasItsHashAndSize(int bytes, int piece)
    {
        byte[] content = new byte[bytes];
        new Random(bytes).NextBytes(content);
        IReadOnlyList<WrittenFile> files = [];
        AtomicFolder.Write(_folder["run"], folder =>
        {
            folder.Add("empty", static _ => { });
            folder.Add("file", stream =>
            {
                // The piece is written over after each write, as that of a tensor is.
                byte[] buffer = new byte[piece];
                for (int at = 0; at < bytes; at += piece)
                {
                    int count = Math.Min(piece, bytes - at);
                    Array.Copy(content, at, buffer, 0, count);
                    stream.Write(buffer, 0, count);
                    Assert.Equal(at + count, stream.Position);
                }
            });
            files = folder.Files;
        });
        Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(_folder["run/file"])));
        Assert.Equal(
            [new WrittenFile("empty", 0, Convert.ToHexStringLower(SHA256.HashData([]))), new WrittenFile("file", bytes, Convert.ToHexStringLower(SHA256.HashData(content)))], files);
    }

    // The writer of tensors fills the blocks itself. Sizes that are no multiple of 8 leave rests in a block.
    [Fact]
    public void Add_Tensors_AreThoseOfAnyOtherStream()
    {
        var writer = new SafetensorsWriter();
        foreach (int count in new[] { 5, 0, 3 * Block + 1, 2 * Block, 7 })
        {
            writer.Add($"bytes.{count}", SafetensorsType.U8, [count], (offset, destination) =>
            {
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = (byte)((offset + i) * 31 + count);
            });
        }
        using var expected = new MemoryStream();
        writer.WriteTo(expected);
        IReadOnlyList<WrittenFile> files = [];
        AtomicFolder.Write(_folder["run"], folder =>
        {
            folder.Add("file", writer.WriteTo);
            files = folder.Files;
        });
        Assert.True(expected.ToArray().AsSpan().SequenceEqual(File.ReadAllBytes(_folder["run/file"])));
        Assert.Equal([new WrittenFile("file", expected.Length, Convert.ToHexStringLower(SHA256.HashData(expected.ToArray())))], files);
    }

    // After a failure the other thread ends too.
    [Fact]
    public void Add_Failure_IsThrownAndLeavesNothing()
    {
        Assert.Throws<InvalidOperationException>(() => AtomicFolder.Write(_folder["run"], static folder => folder.Add("file", static stream =>
        {
            stream.Write(new byte[3 * Block]);
            throw new InvalidOperationException();
        })));
        Assert.Contains("cannot be written: No space left on device", Assert.Throws<DataException>(() => AtomicFolder.Write(_folder["run"], static folder => folder.Add("file", static stream => stream.Write(new byte[3 * Block])),
            static file => new FullDiskStream(file, room: Block + 5))).Message, StringComparison.Ordinal);
        Assert.Empty(_folder.Listing);
    }
}
