using VideoSim.Engine.Devices;
using VideoSim.Models.Datasets;
using VideoSim.Models.Text;

namespace VideoSim.Models.Batches;

/// <summary>
/// The assemblers of the threads that fill batches for a device, one for each: <see cref="Device.LoadingThreads"/>.
/// </summary>
public sealed class BatchLoaders : IDisposable
{
    private readonly List<BatchAssembler> _assemblers = [];

    /// <summary>Opens the files of a dataset once for each thread.</summary>
    /// <param name="device">The device that gets the batches.</param>
    /// <param name="dataset">The videos.</param>
    /// <param name="tokenizer">Tokenizer of the titles.</param>
    /// <param name="tags">The tags.</param>
    /// <param name="evenFrames">As in <see cref="FrameSampler"/>.</param>
    /// <exception cref="Engine.DataException">A file is missing or cannot be read.</exception>
    public BatchLoaders(Device device, IVideoDataset dataset, ITokenizer tokenizer, TagList tags, bool evenFrames)
    {
        try
        {
            for (int i = 0; i < device.LoadingThreads; i++)
                _assemblers.Add(new BatchAssembler(dataset, tokenizer, tags, evenFrames));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Makes the work of each thread from its assembler.</summary>
    public IReadOnlyList<Action<long, BatchBlock[]>> Each(Func<BatchAssembler, Action<long, BatchBlock[]>> fill) => [.. _assemblers.Select(fill)];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var assembler in _assemblers)
            assembler.Dispose();
    }
}
