using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Collects bytes in blocks, writes the blocks to another stream and computes their SHA-256 on another thread. The
/// hash of a large file is ready soon after the disk has the file. A writer of large content fills the blocks itself,
/// by <see cref="GetSpan"/> and <see cref="Advance"/>, which saves a copy.
/// </summary>
internal sealed class HashingStream(Stream target) : Stream, IBufferWriter<byte>
{
    private const int BlockBytes = 1 << 20;

    // One is filled, one is hashed, and the others wait when one of the threads is interrupted.
    private const int MostBlocks = 8;

    // Begins to flush so early that the disk is as fast as the hash, which is slower than writing to the cache.
    private const long FlushedBytes = 64 << 20;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly BlockingCollection<(byte[] Block, int Bytes)> _waiting = [];
    private readonly BlockingCollection<byte[]> _free = [];
    private readonly SafeFileHandle? _file = (target as FileStream)?.SafeFileHandle;
    private Task? _hashing; // null before the first full block
    private Task _flushing = Task.CompletedTask;
    private byte[] _block = [];
    private int _filled, _blocks;
    private long _bytes, _toFlush;

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

    /// <summary>Writes the last block. No bytes may follow.</summary>
    public void Complete()
    {
        target.Write(_block, 0, _filled);
        if (_hashing is null)
            _hash.AppendData(_block, 0, _filled);
        else
            _waiting.Add((_block, _filled));
        (_block, _filled) = ([], 0);
        _waiting.CompleteAdding();
        _flushing.GetAwaiter().GetResult(); // the system reports an error of the disk once
    }

    /// <summary>
    /// The hash of everything, in lower-case hexadecimal. Waits for it. Call it once, after <see cref="Complete"/>.
    /// </summary>
    public string TakeSha256()
    {
        _hashing?.Wait();
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    /// <summary>The free part of a block.</summary>
    /// <param name="sizeHint">The least number of bytes; at most a few.</param>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc cref="GetSpan"/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (BlockBytes - _filled < Math.Max(sizeHint, 1))
            HandOver();
        if (_block.Length == 0)
            _block = _free.TryTake(out byte[]? free) ? free : _blocks++ < MostBlocks ? new byte[BlockBytes] : _free.Take();
        return _block.AsMemory(_filled, BlockBytes - _filled);
    }

    /// <summary>Adds the first bytes of what <see cref="GetSpan"/> returned.</summary>
    public void Advance(int count) => (_filled, _bytes) = (_filled + count, _bytes + count);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var room = GetSpan();
            int count = Math.Min(room.Length, buffer.Length);
            buffer[..count].CopyTo(room);
            Advance(count);
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Does nothing: <see cref="Complete"/> writes the rest.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_waiting.IsAddingCompleted)
            _waiting.CompleteAdding(); // after a failure
        Task.WaitAll(_hashing ?? Task.CompletedTask, _flushing.ContinueWith(static _ => { }, TaskScheduler.Default));
        _waiting.Dispose();
        _free.Dispose();
        _hash.Dispose();
        base.Dispose(disposing);
    }

    private void HandOver()
    {
        target.Write(_block, 0, _filled);
        _hashing ??= Task.Run(HashBlocks);
        _waiting.Add((_block, _filled));
        _toFlush += _filled;
        (_block, _filled) = ([], 0);
        if (_file is null || _toFlush < FlushedBytes || !_flushing.IsCompletedSuccessfully)
            return;
        _flushing = Task.Run(() => DiskFlush.Flush(_file));
        _toFlush = 0;
    }

    private void HashBlocks()
    {
        foreach (var (block, bytes) in _waiting.GetConsumingEnumerable())
        {
            _hash.AppendData(block, 0, bytes);
            _free.Add(block);
        }
    }
}
