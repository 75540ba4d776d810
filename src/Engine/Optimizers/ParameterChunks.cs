using VideoSim.Engine.Autograd;
using VideoSim.Kernels.Optimizers;

namespace VideoSim.Engine.Optimizers;

/// <summary>
/// The flat block of all parameters in chunks of <see cref="ParameterBlock.ChunkElements"/>. A chunk belongs to one
/// parameter, so the last one of a parameter may be smaller.
/// </summary>
internal sealed class ParameterChunks
{
    private readonly Dictionary<Parameter, int> _places = [];

    /// <summary>Divides the parameters of an allocated store.</summary>
    /// <param name="parameters">The store.</param>
    /// <param name="decays">Whether matrices decay.</param>
    public ParameterChunks(ParameterStore parameters, bool decays)
    {
        List<int> starts = [], firsts = [], groups = [];
        Parameter[] inOrder = [.. parameters.Parameters.OrderBy(static parameter => parameter.Offset)];
        for (int i = 0; i < inOrder.Length; i++)
        {
            var parameter = inOrder[i];
            _places.Add(parameter, i);
            firsts.Add(starts.Count);
            long end = i + 1 < inOrder.Length ? inOrder[i + 1].Offset : parameters.FlatCount;
            for (long start = parameter.Offset; start < end; start += ParameterBlock.ChunkElements)
            {
                starts.Add((int)start);
                groups.Add(decays && parameter.Decays ? parameter.Group : ~parameter.Group);
            }
        }
        firsts.Add(starts.Count);
        starts.Add((int)parameters.FlatCount);
        (Starts, Groups, Firsts) = ([.. starts], [.. groups], [.. firsts]);
    }

    /// <summary>The first element of each chunk in the flat block, and then the size of the block.</summary>
    public int[] Starts { get; }

    /// <summary>The group of each chunk; its complement if the chunk does not decay.</summary>
    public int[] Groups { get; }

    /// <summary>
    /// The first chunk of each parameter in the order of the flat block, and then the number of chunks.
    /// </summary>
    public int[] Firsts { get; }

    /// <summary>Number of chunks.</summary>
    public int Count => Groups.Length;

    /// <summary>The chunks of a parameter.</summary>
    public (int First, int Count) Of(Parameter parameter)
    {
        int place = _places[parameter];
        return (Firsts[place], Firsts[place + 1] - Firsts[place]);
    }
}
