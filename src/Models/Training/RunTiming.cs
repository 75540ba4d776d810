using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Training;

/// <summary>Parts of the time of a run. The rest of the time is that of the updates.</summary>
internal enum TimedPart
{
    /// <summary>Waiting for the next batch.</summary>
    Input,

    /// <summary>Validations.</summary>
    Validation,

    /// <summary>Writing models and checkpoints.</summary>
    Saving,
}

/// <summary>
/// The timing.jsonl of a run: seconds, rate and memory. Lines are only added, so it has lines of steps that were done
/// twice because of a kill.
/// </summary>
internal sealed class RunTiming
{
    /// <summary>Name of the file.</summary>
    public const string Name = "timing.jsonl";

    private readonly string _file;
    private readonly int _session, _samples;
    private readonly TimeProvider _clock;
    private readonly long[] _parts = new long[Enum.GetValues<TimedPart>().Length];
    private long _begin, _updates, _peak;

    /// <summary>Starts the clock.</summary>
    /// <param name="run">Folder of the run.</param>
    /// <param name="session">1-based number of the session.</param>
    /// <param name="samples">Samples of an update.</param>
    /// <param name="clock">Gives the time.</param>
    public RunTiming(string run, int session, int samples, TimeProvider clock)
    {
        (_file, _session, _samples, _clock) = (Path.Combine(run, Name), session, samples, clock);
        Try(RemoveTornLine);
        _begin = clock.GetTimestamp();
    }

    /// <summary>Counts an update.</summary>
    public void CountUpdate() => _updates++;

    /// <summary>Adds the time until the result is disposed of to a part.</summary>
    public Measurement Measure(TimedPart part) => new(this, part);

    /// <summary>Adds a line for the time since the line before.</summary>
    public void Write(long step)
    {
        long now = _clock.GetTimestamp();
        double all = Seconds(now - _begin), input = Seconds(_parts[(int)TimedPart.Input]), validation = Seconds(_parts[(int)TimedPart.Validation]), saving = Seconds(_parts[(int)TimedPart.Saving]);
        double train = Math.Max(0, all - input - validation - saving);
        using var process = Process.GetCurrentProcess();
        _peak = Math.Max(_peak, process.PeakWorkingSet64); // Linux can report a little less than before
        var line = new JsonObject
        {
            ["step"] = step, ["time"] = RunSessions.TimeOf(_clock), ["session"] = _session, ["seconds"] = all,
            ["input"] = input, ["train"] = train, ["validation"] = validation, ["saving"] = saving,
            ["samples_per_second"] = _updates == 0 ? 0 : _updates * _samples / (input + train), ["memory_bytes"] = _peak,
        };
        Try(() =>
        {
            using var stream = new FileStream(_file, FileMode.Append);
            stream.Write(JsonSerializer.SerializeToUtf8Bytes(line, RunJson.Compact.JsonObject));
            stream.Write("\n"u8);
        });
        Array.Clear(_parts);
        (_begin, _updates) = (now, 0);
    }

    // A process that was killed can leave half a line.
    private void RemoveTornLine()
    {
        using var stream = new FileStream(_file, FileMode.OpenOrCreate);
        long end = stream.Length;
        while (end > 0 && ByteAt(end - 1) != '\n')
            end--;
        stream.SetLength(end);

        int ByteAt(long position)
        {
            stream.Position = position;
            return stream.ReadByte();
        }
    }

    private double Seconds(long ticks) => (double)ticks / _clock.TimestampFrequency;

    private void Try(Action change)
    {
        WriteGuard.Require();
        try
        {
            change();
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_file, e, _file);
        }
    }

    /// <summary>A measurement that is under way. It allocates nothing.</summary>
    public readonly ref struct Measurement(RunTiming timing, TimedPart part)
    {
        private readonly long _begin = timing._clock.GetTimestamp();

        /// <summary>Ends the measurement.</summary>
        public void Dispose() => timing._parts[(int)part] += timing._clock.GetTimestamp() - _begin;
    }
}
