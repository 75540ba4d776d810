using System.Security.Cryptography;
using System.Text.Json;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// A claim of this process, see <see cref="ClaimFolder"/>. A thread changes its file again and again, so that others
/// see that the process works. If the process is stopped for too long, another one takes the claim over.
/// </summary>
public sealed class FileClaim : IDisposable
{
    /// <summary>Time without a change after which another process takes a claim over.</summary>
    public static readonly TimeSpan DefaultTakeover = TimeSpan.FromMinutes(3);

    /// <summary>
    /// Changes in the time after which it may be taken over. Some may come late or fail. A watcher needs at least as
    /// many looks.
    /// </summary>
    internal const int Beats = 6;

    // A file server may report a passing error.
    private const int Attempts = 2;

    // One write of a fixed size. Blanks fill it.
    private const int Size = 1 << 10;

    // EEXIST, and Windows' error of a file that exists.
    private const int UnixExists = 17, WindowsExists = unchecked((int)0x80070050);

    private static readonly FileLimit Limit = new("a claim", 1);

    private readonly string _file;
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly UnfinishedWork _unfinished;
    private ClaimContent _content;

    private FileClaim(string file, ClaimContent content, ClaimOwner? takenFrom)
    {
        (_file, _content, TakenFrom) = (file, content, takenFrom);
        _unfinished = UnfinishedWork.Result(Release);
        // The threads of the pool may be busy.
        new Thread(Beat) { IsBackground = true }.Start();
    }

    /// <summary>The owner that had the claim before and did not give it up; null if there was none.</summary>
    public ClaimOwner? TakenFrom { get; }

    /// <summary>
    /// Whether another process has had the claim before, and may have left locks and unfinished files.
    /// </summary>
    public bool HasPredecessor => _content.Generation > 1;

    /// <summary>Whether this process still has the claim. Ask before each write.</summary>
    /// <exception cref="DataException">The file cannot be read; the message names it.</exception>
    public bool IsOwn()
    {
        lock (_gate)
            return IsOwnUnlocked();
    }

    /// <summary>Gives the claim up, without an end of its work. The next owner takes it at once.</summary>
    public void Dispose()
    {
        _stop.Set();
        Release();
        _unfinished.Dispose();
    }

    /// <summary>Deletes the claim, after the end of its work.</summary>
    public void Delete()
    {
        _stop.Set();
        lock (_gate)
        {
            if (IsOwnUnlocked())
                AtomicFile.DeleteLeftover(() => File.Delete(_file));
        }
    }

    /// <summary>Writes the content of a claim whose file is new or was renamed by this process.</summary>
    internal static FileClaim? TryWrite(string file, int generation, TimeSpan takeoverAfter, bool isNew, ClaimOwner? takenFrom)
    {
        var content = new ClaimContent(RandomNumberGenerator.GetHexString(32, lowercase: true), generation, ClaimOwner.This, takeoverAfter.TotalSeconds, Released: false, Beat: 0);
        return TryWrite(file, content, isNew ? FileMode.CreateNew : FileMode.Open) ? new FileClaim(file, content, takenFrom) : null;
    }

    /// <summary>The bytes of a claim's file; null if it has gone.</summary>
    /// <param name="file">The file.</param>
    /// <param name="open">Opens it; tests put a bad file server here.</param>
    /// <exception cref="DataException">It cannot be read; the message names it.</exception>
    internal static byte[]? Read(string file, Func<string, Stream>? open = null)
    {
        FileFailure.RefuseSpecial(file);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using var stream = open?.Invoke(file) ?? new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
                byte[] bytes = new byte[Math.Min(stream.Length, Limit.Bytes)];
                return bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
            }
            catch (IOException) when (!File.Exists(file))
            {
                return null; // NFS reports a stale handle if the owner deletes the file meanwhile
            }
            catch (Exception e) when (FileFailure.Is(e))
            {
                if (attempt == Attempts)
                    throw FileFailure.Reading(file, e);
            }
        }
    }

    // In place: a file that was renamed meanwhile is not made anew. If a write is late and reaches the file of the
    // next owner, that one finds that the claim is not its own, and stops.
    private static bool TryWrite(string file, ClaimContent content, FileMode mode)
    {
        byte[] bytes = new byte[Size];
        bytes.AsSpan().Fill((byte)' ');
        JsonSerializer.SerializeToUtf8Bytes(content, ClaimJson.Default.ClaimContent).CopyTo(bytes, 0);
        bytes[^1] = (byte)'\n';
        FileStream stream;
        try
        {
            stream = new FileStream(file, mode, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (IOException e) when (e is DirectoryNotFoundException || (mode == FileMode.CreateNew ? e.HResult is UnixExists or WindowsExists : !File.Exists(file)))
        {
            // A begin that failed deletes the folder. Another process that made the file may have deleted it since.
            return false;
        }
        using (stream)
        {
            try
            {
                stream.Write(bytes);
            }
            catch when (mode == FileMode.CreateNew)
            {
                AtomicFile.DeleteLeftover(() => File.Delete(file)); // others would wait for it
                throw;
            }
        }
        return true;
    }

    private bool IsOwnUnlocked() => !_content.Released && Read(_file) is { } bytes && ClaimContent.Parse(bytes)?.Token == _content.Token;

    private void Release()
    {
        lock (_gate)
        {
            AtomicFile.DeleteLeftover(() =>
            {
                if (IsOwnUnlocked())
                    TryWrite(_file, _content with { Released = true }, FileMode.Open);
            });
            _content = _content with { Released = true };
        }
    }

    private void Beat()
    {
        while (!_stop.Wait(TimeSpan.FromSeconds(_content.TakeoverSeconds / Beats)))
        {
            lock (_gate)
            {
                try
                {
                    if (!IsOwnUnlocked())
                        return;
                    _content = _content with { Beat = _content.Beat + 1 };
                    TryWrite(_file, _content, FileMode.Open);
                }
                catch (Exception e) when (FileFailure.Is(e) || e is DataException)
                {
                    // The next change may succeed.
                }
            }
        }
    }
}
