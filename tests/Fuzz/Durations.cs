namespace VideoSim.Fuzz;

/// <summary>Tells whether an execution took too long, compared with others of the same format.</summary>
/// <param name="free">Time that is always allowed.</param>
internal sealed class Durations(TimeSpan free)
{
    private const int Kept = 255, TimesTheMedian = 50;

    private static readonly TimeSpan NeverAllowed = TimeSpan.FromSeconds(1);

    private readonly List<TimeSpan> _last = [];
    private TimeSpan _median = NeverAllowed;
    private int _next;

    /// <summary>Adds the time of an execution.</summary>
    public void Add(TimeSpan time)
    {
        if (_last.Count < Kept)
            _last.Add(time);
        else
            _last[_next % Kept] = time;
        if (++_next % Kept == 0)
            _median = _last.Order().ElementAt(Kept / 2);
    }

    /// <summary>Whether a time is too long.</summary>
    public bool IsTooLong(TimeSpan time) => time > free && (time > NeverAllowed || time > TimesTheMedian * _median);
}
