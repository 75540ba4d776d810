namespace VideoSim.Models.Pretrained.Torch;

// The values in a pickle of weights. Numbers are long, BigInteger or double; texts are string; None is null. The other
// kinds follow.

/// <summary>A tuple.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A list.</summary>
internal sealed record PickleList(List<object?> Items);

/// <summary>A dictionary or an ordered dictionary. A key that is a number is a text behind a NUL.</summary>
internal sealed record PickleMap(OrderedDictionary<string, object?> Items);

/// <summary>Bytes, which only programs other than PyTorch write.</summary>
internal sealed record PickleBytes;

/// <summary>A function or class of the allow-list.</summary>
internal sealed record PickleGlobal(string Name);

/// <summary>A reference to numbers outside the pickle, with the writer's description.</summary>
internal sealed record PickledStorage(object?[] Description);

/// <summary>
/// A call that creates a tensor, with the writer's description: storage, offset, size, stride and more.
/// </summary>
internal sealed record PickledTensor(object?[] Description);
