using System.Collections.Frozen;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained.Torch;

/// <summary>
/// The only names that a pickle of weights may use. None of them is called. They only select the kind of a value.
/// </summary>
internal static class TorchGlobals
{
    /// <summary>Creates an ordered dictionary.</summary>
    public const string OrderedDict = "collections.OrderedDict";

    /// <summary>Creates a tensor from storage, offset, size and stride; the name in old files.</summary>
    public const string RebuildTensor = "torch._utils._rebuild_tensor";

    /// <summary>Creates a tensor from storage, offset, size, stride and more.</summary>
    public const string RebuildTensor2 = "torch._utils._rebuild_tensor_v2";

    /// <summary>Creates a trainable tensor from a tensor.</summary>
    public const string RebuildParameter = "torch._utils._rebuild_parameter";

    private static readonly FrozenDictionary<string, SafetensorsType> Storages = new Dictionary<string, SafetensorsType>
    {
        ["torch.FloatStorage"] = SafetensorsType.F32,
        ["torch.DoubleStorage"] = SafetensorsType.F64,
        ["torch.HalfStorage"] = SafetensorsType.F16,
        ["torch.BFloat16Storage"] = SafetensorsType.BF16,
        ["torch.LongStorage"] = SafetensorsType.I64,
        ["torch.IntStorage"] = SafetensorsType.I32,
        ["torch.ByteStorage"] = SafetensorsType.U8,
        ["torch.BoolStorage"] = SafetensorsType.BOOL,
    }.ToFrozenDictionary();

    /// <summary>Whether a name is on the allow-list.</summary>
    public static bool IsAllowed(string name) => name is OrderedDict or RebuildTensor or RebuildTensor2 or RebuildParameter || Storages.ContainsKey(name);

    /// <summary>The type of the numbers of a storage class; null if the global is no storage class.</summary>
    public static SafetensorsType? StorageType(PickleGlobal global) => Storages.TryGetValue(global.Name, out var type) ? type : null;
}
