namespace VideoSim.Tests.Shared;

/// <summary>Whether tests try all their cases, or those that find most.</summary>
internal static class LongTests
{
    /// <summary>The variable that asks for all cases, with the value 1.</summary>
    private const string Variable = "VIDEOSIM_LONG_TESTS";

    internal static bool Run => Environment.GetEnvironmentVariable(Variable) == "1";
}
