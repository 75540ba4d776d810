using System.CommandLine;
using System.Runtime.Intrinsics;
using VideoSim.Cli.Output;

namespace VideoSim.Cli.Commands;

/// <summary><c>devices</c>: what there is to run on.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        return new Command("devices", "List what there is to run on.") { json }.Does((_, console, _) =>
        {
            var cpu = new DeviceDescription("cpu", Environment.ProcessorCount, Vector256.IsHardwareAccelerated ? 256 : 128);
            var table = new ResultTable().TextColumn("device").NumberColumn("cores").NumberColumn("vector bits")
                .Row(cpu.Name, $"{cpu.Cores}", $"{cpu.VectorBits}");
            console.WriteResult(table, [cpu], CliJson.Default.DeviceDescriptionArray);
            return CommandLine.Done;
        }, json);
    }
}

/// <summary>A device as <c>devices --json</c> shows it.</summary>
internal sealed record DeviceDescription(string Name, int Cores, int VectorBits);
