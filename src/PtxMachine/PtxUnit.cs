using VideoSim.PtxMachine.Opcodes;
using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine;

/// <summary>A unit of PTX, with those of its kernels that were asked for.</summary>
internal sealed class PtxUnit
{
    private readonly PtxReader _text;
    private readonly UnitVariables _variables;
    private readonly Dictionary<string, Kernel> _kernels = [];

    /// <summary>Reads a unit.</summary>
    /// <param name="text">PTX, as NVRTC writes it.</param>
    /// <exception cref="PtxException">The text is not PTX.</exception>
    public PtxUnit(string text)
    {
        _text = new PtxReader(text);
        _variables = new UnitVariables(_text.Variables);
    }

    /// <summary>The kernels that were asked for.</summary>
    public IEnumerable<object> Kernels => _kernels.Values;

    /// <summary>Translates a kernel, once.</summary>
    /// <exception cref="PtxException">It has an instruction that the machine does not have.</exception>
    public Kernel Find(string entry)
    {
        if (!_kernels.TryGetValue(entry, out var kernel))
        {
            var text = _text.Entries.FirstOrDefault(text => text.Name == entry) ?? throw new PtxException($"the PTX has no entry {entry}");
            _kernels[entry] = kernel = Translation.Of(text, _variables);
        }
        return kernel;
    }
}
