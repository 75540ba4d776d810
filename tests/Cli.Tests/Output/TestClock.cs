namespace VideoSim.Cli.Tests.Output;

/// <summary>A clock that a test sets.</summary>
internal sealed class TestClock : TimeProvider
{
    public TimeSpan Now { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    // Not 0 at the beginning: a clock starts anywhere.
    public override long GetTimestamp() => TimeSpan.FromDays(3).Ticks + Now.Ticks;
}
