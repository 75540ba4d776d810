using System.Runtime.CompilerServices;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// A file for a library that reads a format. The file may lead the library around in a circle, or down into parts
/// inside parts. So a read fails after more bytes than the work needs, and when the stack is nearly used up. It never
/// waits, and the process never ends.
/// </summary>
/// <param name="file">The file, disposed with this stream.</param>
/// <param name="path">Its path, for messages.</param>
public sealed class MeteredStream(Stream file, string path) : Stream
{
    // What a read costs beyond its bytes: libraries read single numbers, and read again and again at the end of a
    // file.
    private const int ReadCost = 16;

    private long _allowed = long.MaxValue, _left = long.MaxValue;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => file.CanSeek;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => file.Length;

    /// <inheritdoc/>
    public override long Position
    {
        get => file.Position;
        set => file.Position = value;
    }

    /// <summary>Allows reads of so many bytes from now on. A read counts 16 bytes more than it gives.</summary>
    public void Allow(long bytes) => _allowed = _left = bytes;

    /// <inheritdoc/>
    /// <exception cref="DataException">More than the allowed bytes are read.</exception>
    /// <exception cref="InsufficientExecutionStackException">The calls are nested too deeply.</exception>
    public override int Read(Span<byte> buffer)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        // A large part of a file is not read before it is refused.
        if (buffer.Length > _left && file.Length - file.Position > _left)
            _left = -1;
        int read = _left < 0 ? 0 : file.Read(buffer);
        _left -= read + ReadCost;
        return _left >= 0 ? read : throw new DataException($"{path}: more than {_allowed} bytes would be read to find what is in it: damaged?");
    }

    /// <inheritdoc/>
    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 1 ? one[0] : -1;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer.AsSpan(offset, count)));

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }
}
