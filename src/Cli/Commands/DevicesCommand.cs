using System.CommandLine;
using System.Globalization;
using System.Runtime.Intrinsics;
using VideoSim.Cli.Output;
using VideoSim.Engine.Devices;

namespace VideoSim.Cli.Commands;

/// <summary><c>devices</c>: the devices of this machine, and the libraries that CUDA lacks.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        return new Command("devices", "List the devices of this machine, and the libraries for CUDA that are found or missing.") { json }.Does((_, console, _) =>
        {
            var devices = new DeviceList(new CpuDescription(Environment.ProcessorCount, WidestVectorBits), CudaInventory.Take());
            console.WriteResult(Table(devices), devices, CliJson.Default.DeviceList);
            return CommandLine.Done;
        }, json);
    }

    // As the CPU's kernels choose their width.
    private static int WidestVectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    private static ResultTable Table(DeviceList devices)
    {
        var table = new ResultTable().TextColumn("device").TextColumn("found")
            .Row("cpu", $"{devices.Cpu.Cores} cores, vectors of {devices.Cpu.VectorBits} bits");
        foreach (var gpu in devices.Cuda.Gpus)
        {
            string capability = string.Create(CultureInfo.InvariantCulture, $"{gpu.ComputeCapability / 10}.{gpu.ComputeCapability % 10}");
            table.Row(gpu.Name, $"{gpu.Limits.Multiprocessors} multiprocessors, compute capability {capability}");
        }
        table.Row("CUDA driver", Found(devices.Cuda.Driver)).Row("CUDA compiler (NVRTC)", Found(devices.Cuda.Compiler))
            .Row("CUDA products (cuBLASLt)", Found(devices.Cuda.Products));
        if (devices.Cuda.LookedIn.Count > 0)
            table.Row("looked in", string.Join(", ", devices.Cuda.LookedIn));
        return table;
    }

    private static string Found(CudaComponent component) =>
        string.Join(", ", new[] { component.Version?.ToString(), component.Path, component.Problem }.OfType<string>());
}

/// <summary>The result of <c>devices --json</c>.</summary>
internal sealed record DeviceList(CpuDescription Cpu, CudaInventory Cuda);

/// <summary>The CPU.</summary>
/// <param name="Cores">Cores that this process may use.</param>
/// <param name="VectorBits">Width of the widest vectors that its kernels use.</param>
internal sealed record CpuDescription(int Cores, int VectorBits);
