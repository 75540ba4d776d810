using VideoSim.Models.Progress;

namespace VideoSim.Cli.Output;

/// <summary>
/// Shows that g++ builds the emulator, which takes a minute the first time. Nothing is shown for a few sources, which
/// take seconds after an edit.
/// </summary>
/// <param name="sink">Receives the progress.</param>
internal sealed class EmulatorProgress(IProgressSink sink) : IDisposable
{
    private const int Few = 4;

    private bool _isOpen;

    /// <summary>Reports sources that are compiled.</summary>
    /// <param name="done">Sources done.</param>
    /// <param name="total">Sources to do.</param>
    public void Report(int done, int total)
    {
        if (total <= Few)
            return;
        if (!_isOpen)
            sink.Begin("building the CUDA emulator with g++", total);
        _isOpen = true;
        sink.Report(done, "");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isOpen)
            sink.End("");
    }
}
