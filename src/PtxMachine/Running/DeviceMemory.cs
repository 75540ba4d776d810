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
        _regions.AddRange(allocations.Select(allocation => before.GetValueOrDefault(allocation) ?? new Region("device memory", allocation.Begin, allocation.Bytes)));
        _last = null;
    }

    /// <summary>Forgets all touches.</summary>
    public void Forget() => _regions.ForEach(static region => region.Forget());

    /// <summary>The allocation that an address lies in, or the one before it; null if there is none.</summary>
    public Region? Find(ulong address)
    {
        if (_last?.Holds(address) == true)
            return _last;
        int low = 0, high = _regions.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_regions[middle].Begin <= address)
                low = middle + 1;
            else
                high = middle;
        }
        return _last = low == 0 ? null : _regions[low - 1];
    }
}
