namespace VideoSim.PtxMachine.Running;

/// <summary>The allocations of the device, in order of their addresses.</summary>
internal sealed class DeviceMemory
{
    private readonly List<Region> _regions = [];
    private Region? _last;

    /// <summary>Takes over the allocations that there are now. Those from before keep their touches.</summary>
    /// <param name="allocations">Address and bytes of each, in order.</param>
    public void Update(IReadOnlyList<(ulong Begin, ulong Bytes)> allocations)
    {
        var before = _regions.ToDictionary(static region => (region.Begin, region.Bytes));
        _regions.Clear();
        foreach (var place in allocations)
            _regions.Add(before.GetValueOrDefault(place) ?? new Region("device memory", place.Begin, place.Bytes));
        _last = null;
    }

    /// <summary>Forgets all touches.</summary>
    public void Forget() => _regions.ForEach(static region => region.Forget());

    /// <summary>The allocation that an address lies in, or the one before it; null if there is none.</summary>
    public Region? Find(ulong address) => _last?.Holds(address) == true ? _last : _last = Search(address);

    private Region? Search(ulong address) => _regions.FindLast(region => region.Begin <= address);
}
