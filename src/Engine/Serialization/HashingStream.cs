using System.Buffers;
using System.Security.Cryptography;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Passes bytes on to another stream and computes their SHA-256. Whole blocks are hashed on another thread while the
/// next ones are written, so the hash of a large file takes little time.
/// </summary>
internal sealed class HashingStream(Stream target) : Stream
{
    private const int BlockBytes = 1 << 20;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _block = ArrayPool<byte>.Shared.Rent(BlockBytes), _hashed = []; // _hashed is the block of the running task
    private Task _hashing = Task.CompletedTask;
    private int _filled;
    private long _bytes;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => _bytes;

    /// <inheritdoc/>
    public override long Position { get => _bytes; set => throw new NotSupportedException(); }

    /// <summary>The hash of everything written, in lower-case hexadecimal. Nothing can be written after it.</summary>
    public string Finish()
    {
        _hashing.Wait();
        _hash.AppendData(_block, 0, _filled);
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        for (var rest = buffer; !rest.IsEmpty;)
        {
            int count = Math.Min(BlockBytes - _filled, rest.Length);
            rest[..count].CopyTo(_block.AsSpan(_filled));
            rest = rest[count..];
            _filled += count;
            if (_filled == BlockBytes)
                HashBlock();
        }
        target.Write(buffer);
        _bytes += buffer.Length;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush() => target.Flush();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _hashing.Wait();
        _hash.Dispose();
        foreach (byte[] block in new[] { _block, _hashed }.Where(static block => block.Length > 0))
            ArrayPool<byte>.Shared.Return(block);
        (_block, _hashed) = ([], []);
        base.Dispose(disposing);
    }

    // Begins with the full block, when that before it is done.
    private void HashBlock()
    {
        _hashing.Wait();
        if (_hashed.Length == 0)
            _hashed = ArrayPool<byte>.Shared.Rent(BlockBytes);
        (_block, _hashed, _filled) = (_hashed, _block, 0);
        byte[] full = _hashed;
        _hashing = Task.Run(() => _hash.AppendData(full, 0, BlockBytes));
    }
}
