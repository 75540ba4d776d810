namespace VideoSim.Peers.Measuring;

/// <summary>What a side repeats.</summary>
/// <param name="Run">Runs it once and waits for the end.</param>
/// <param name="Parameters">Number of trained values; 0 for a kernel. Both sides must have the same.</param>
internal sealed record Work(Action Run, long Parameters = 0);

/// <summary>Work that both sides can do. The argument is the number of threads.</summary>
/// <param name="Name">Its name, which differs from those of all other jobs.</param>
/// <param name="Ours">Prepares VideoSim's side.</param>
/// <param name="Peer">Prepares the peer's side.</param>
internal sealed record Job(string Name, Func<int, Work> Ours, Func<int, Work> Peer)
{
    /// <summary>What the names of matrix products begin with.</summary>
    public const string Product = "product ";
}
