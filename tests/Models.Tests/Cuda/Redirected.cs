using VideoSim.Engine.Devices;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// A device's memory with another stream in front of its own, and a tuning table that nothing uses; the device stays
/// its owner's.
/// </summary>
internal sealed class Redirected(Device device, ComputeStream stream, TuningTable? tuning = null) : Device(stream)
{
    public override TuningTable? Tuning => tuning;

    public override string Name => device.Name;

    public override bool HasBFloat16 => device.HasBFloat16;

    public override bool PacksProducts => device.PacksProducts;

    public override nint Allocate(long bytes) => device.Allocate(bytes);

    public override void Free(nint address) => device.Free(address);

    public override void Upload(ReadOnlySpan<byte> source, nint destination) => device.Upload(source, destination);

    public override void Clear(nint address, long bytes) => device.Clear(address, bytes);

    public override void Download(nint source, Span<byte> destination) => device.Download(source, destination);
}
