using System.Diagnostics;
using System.Runtime.InteropServices;
using VideoSim.Cli.Output;
using VideoSim.Engine.Serialization;

namespace VideoSim.Cli;

/// <summary>
/// Ends the program on Ctrl-C, SIGTERM and SIGHUP. The first signal cancels the work. Training saves a checkpoint,
/// however long that takes. Other work that does not stop within half a second is ended, and its half-written results
/// are removed. A second signal ends the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    // .NET leaves a signal ignored that was ignored at the start, so nohup works.
    private static readonly (PosixSignal Signal, int Number)[] Signals = [(PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15), (PosixSignal.SIGHUP, 1)];

    // Shells report the end by a signal as 128 and its number.
    private const int CodeOfSignals = 128;

    // One request may arrive twice: timeout signals its child and then the group, and so do a shell and the terminal
    // that goes away.
    private static readonly TimeSpan SameRequest = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500), Pause = TimeSpan.FromMilliseconds(20), TimeToWrite = TimeSpan.FromMilliseconds(300);

    private readonly CancellationTokenSource _source = new();
    private readonly ManualResetEventSlim _finished = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Lock _gate = new();
    private readonly Action<int> _end;
    private long _firstAt;
    private int _exitCode;
    private bool _ended, _finishedFirst;
    private Action _writeEnd = static () => CommandConsole.OfThisProcess(json: false, quiet: false).WriteError("interrupted");
    private Action _writeWait = static () => { };

    /// <summary>Begins to listen to signals.</summary>
    /// <param name="end">Ends the process with an exit code.</param>
    public Interruption(Action<int> end)
    {
        _end = end;
        _registrations = [.. Signals.Select(one => PosixSignalRegistration.Create(one.Signal, context => Receive(context, CodeOfSignals + one.Number)))];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>The exit code of the signal that arrived; null if none did.</summary>
    public int? ExitCode => _exitCode == 0 ? null : _exitCode;

    /// <summary>Sets how a command reports a signal.</summary>
    /// <param name="writeEnd">Writes the line of an interrupted command.</param>
    /// <param name="writeWait">Writes that the state is being saved.</param>
    public void Report(Action writeEnd, Action writeWait) => (_writeEnd, _writeWait) = (writeEnd, writeWait);

    /// <summary>
    /// Marks the work as done. If a signal is ending the process already, this waits for that end, so that only one of
    /// them writes and gives the exit code.
    /// </summary>
    public void Finish()
    {
        _finished.Set();
        lock (_gate)
        {
            _finishedFirst |= !_ended;
            _ended = true;
        }
        if (!_finishedFirst)
            Thread.Sleep(Timeout.Infinite);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    private void Receive(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true;
        long now = Stopwatch.GetTimestamp();
        if (Interlocked.CompareExchange(ref _firstAt, now, 0) is not 0 and var first)
        {
            if (Stopwatch.GetElapsedTime(first, now) > SameRequest)
                _end(exitCode);
            return;
        }
        _exitCode = exitCode;
        Begin(End);
    }

    // The threads of the pool may be busy.
    private static Thread Begin(Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void End()
    {
        Begin(_source.Cancel); // what is registered on the token may take long
        bool told = false;
        for (long since = Stopwatch.GetTimestamp(); !_finished.Wait(Pause);)
        {
            if (Stopwatch.GetElapsedTime(since) < Patience)
                continue;
            if (UnfinishedWork.Saves)
            {
                if (!told)
                    Begin(_writeWait);
                (told, since) = (true, Stopwatch.GetTimestamp());
                continue;
            }
            lock (_gate)
            {
                if (_ended)
                    return;
                _ended = true;
            }
            UnfinishedWork.RemoveAll(() =>
            {
                // stderr may be a pipe that is full. .NET's console also waits if stdout is one.
                Begin(_writeEnd).Join(TimeToWrite);
                _end(_exitCode);
            });
            return;
        }
    }
}
