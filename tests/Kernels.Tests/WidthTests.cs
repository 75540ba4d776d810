using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Kernels.Tests;

/// <summary>
/// Twins give the same bits with vectors of 512 and of 256 bits. The test starts itself once more with 512 bits turned
/// off. Where the hardware has none, both processes use 256; <see cref="WideCodeTests"/> runs there too.
/// </summary>
public sealed class WidthTests
{
    private const string DigestsFile = "VIDEOSIM_TEST_DIGESTS"; // set in the second process: the file that it writes

    [Fact]
    public void Twins_WithAndWithout512Bits_GiveTheSameBits()
    {
        string[] digests = Digests();
        if (Environment.GetEnvironmentVariable(DigestsFile) is { } file)
        {
            File.WriteAllLines(file, digests);
            return;
        }
        string[] narrow = DigestsOfNarrowVectors();
        Assert.Equal(digests.Length, narrow.Length);
        for (int i = 0; i < digests.Length; i++)
            Assert.True(digests[i] == narrow[i], $"{digests[i]}; with 256 bits {narrow[i]}");
    }

    private static string[] DigestsOfNarrowVectors()
    {
        string file = Path.GetTempFileName();
        try
        {
            string program = Path.ChangeExtension(typeof(WidthTests).Assembly.Location, null);
            string test = $"{typeof(WidthTests)}.{nameof(Twins_WithAndWithout512Bits_GiveTheSameBits)}";
            var start = new ProcessStartInfo(program, ["-method", test]) { RedirectStandardOutput = true };
            start.Environment["DOTNET_EnableAVX512"] = "0";
            start.Environment[DigestsFile] = file;
            using var process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, output);
            return File.ReadAllLines(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    // A line for each compared buffer of each case.
    private static string[] Digests()
    {
        using var device = new CpuDevice(threads: 1);
        return [.. Catalog.All.Where(static check => check.Kernel.HasTwin).SelectMany(check => check.Cases().SelectMany(one => CheckRunner.Execute(device, one)
            .Select(buffer => $"{check.Kernel.Entry}, {one.Name}, {buffer.Key}: {Digest(buffer.Value)}")))];
    }

    private static string Digest(float[] values) => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan())), 0, 8);
}
