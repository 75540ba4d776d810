namespace VideoSim.Models.Pretrained.Torch;

// What a pickle of weights is made of. Numbers are long (or BigInteger or double), texts string, None null; the rest is here.

/// <summary>A tuple.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A list.</summary>
internal sealed record PickleList(List<object?> Items);

/// <summary>A dictionary or an ordered dictionary; keys are texts or numbers.</summary>
internal sealed record PickleMap(OrderedDictionary<object, object?> Items);

/// <summary>Bytes, which only programs other than PyTorch write.</summary>
internal sealed record PickleBytes;

/// <summary>A function or class that the allow-list has.</summary>
internal sealed record PickleGlobal(string Name);

/// <summary>A reference to numbers that lie outside the pickle, as the writer described them.</summary>
internal sealed record PickledStorage(object?[] Description);

/// <summary>A call that makes a tensor, as the writer described it: storage, offset, size, stride and more.</summary>
internal sealed record PickledTensor(object?[] Description);
