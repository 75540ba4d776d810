using System.Runtime.Intrinsics;
using System.Text.Json;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

[Collection(nameof(CommandTests))]
public sealed class DevicesTests
{
    [Fact]
    public void Devices_ForPeople_IsOneLineForEachThing()
    {
        string[] lines = Shell.Run("devices").AssertDone().Output.TrimEnd('\n').Split('\n');
        Assert.Contains($"{Environment.ProcessorCount} cores", lines[2], StringComparison.Ordinal);
        bool isMissing = lines.Any(static line => line.Contains(" was not found", StringComparison.Ordinal));
        string[] names = ["CUDA driver", "CUDA compiler (NVRTC)", "CUDA products (cuBLASLt)", .. isMissing ? ["looked in"] : Array.Empty<string>()];
        Assert.Equal(names, lines[^names.Length..].Select(static line => line.Split('|')[1].Trim()));
    }

    // The variables turn instructions off, as on a processor that lacks them.
    [Fact]
    public void Devices_ProcessorsWithAndWithoutWideVectors_NamesTheWidest()
    {
        int narrow = Vector256.IsHardwareAccelerated ? 256 : 128;
        Assert.Equal(Vector512.IsHardwareAccelerated ? 512 : narrow, Widest([]));
        Assert.Equal(narrow, Widest(new() { ["DOTNET_EnableAVX512"] = "0" }));
        Assert.Equal(128, Widest(new() { ["DOTNET_EnableAVX"] = "0" }));
    }

    private static int Widest(Dictionary<string, string> environment)
    {
        using var json = JsonDocument.Parse(ChildProcess.Run(environment, "devices", "--json").AssertDone().Output);
        int bits = json.RootElement.GetProperty("cpu").GetProperty("vector_bits").GetInt32();
        Assert.Contains($"vectors of {bits} bits", ChildProcess.Run(environment, "devices").AssertDone().Output, StringComparison.Ordinal);
        return bits;
    }

    // Here a library is there or not; both have to be said in full.
    [Theory]
    [InlineData("driver", "install NVIDIA's driver")]
    [InlineData("compiler", "install NVRTC")]
    [InlineData("products", "install cuBLASLt")]
    public void Devices_ForMachines_SaysWhatWasFoundOrWhatToInstall(string component, string advice)
    {
        using var json = JsonDocument.Parse(Shell.Run("devices", "--json").AssertDone().Output);
        Assert.Equal(Environment.ProcessorCount, json.RootElement.GetProperty("cpu").GetProperty("cores").GetInt32());
        var found = json.RootElement.GetProperty("cuda").GetProperty(component);
        if (found.GetProperty("path").GetString() is { } path)
            Assert.True(Path.IsPathRooted(path) && File.Exists(path), path);
        else
            Assert.Contains(advice, found.GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_LibrariesThatAreNotNvidias_SaysSoAndEndsWell()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the names are those of Linux");
        var folder = Directory.CreateTempSubdirectory("videosim-test-");
        try
        {
            string other = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "libSystem.Native.so");
            foreach (string name in new[] { "libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13" })
                File.Copy(other, Path.Combine(folder.FullName, name));
            var outcome = ChildProcess.Run(new() { ["VIDEOSIM_CUDA_PATH"] = folder.FullName }, "devices").AssertDone();
            string[] lines = outcome.Output.TrimEnd('\n').Split('\n');
            Assert.Matches(@"libcuda\.so\.1, .*cuDriverGetVersion.*: install NVIDIA's driver .* VIDEOSIM_CUDA_PATH +\|$", lines[^3]);
            Assert.Matches(@"libnvrtc\.so\.13, .*nvrtcVersion.*: install NVRTC .* VIDEOSIM_CUDA_PATH +\|$", lines[^2]);
            Assert.Matches(@"libcublasLt\.so\.13, .*cublasLtGetVersion.*: install cuBLASLt .* VIDEOSIM_CUDA_PATH +\|$", lines[^1]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
