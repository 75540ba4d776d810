using System.Runtime.Versioning;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Folders in which another user writes, and paths of which the system cannot tell what they are.</summary>
[Collection(nameof(CommandTests))]
[UnsupportedOSPlatform("windows")]
public sealed class SharedMachineTests(CommandWorld world)
{
    private const UnixFileMode All = (UnixFileMode)0x1ff;

    [Fact]
    public void Ensemble_WithNamesPlantedBesideItsOutput_LeavesThem()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, victim = Path.Combine(folder, "victim"), output = Path.Combine(folder, "o.json"), embeddings = world.New() + ".json";
        Shell.Run(CommandWorld.Embed(world.Pretrained, Path.Combine(world.Data, "test_b"), embeddings)).AssertDone();
        File.WriteAllText(victim, "precious");
        string[] planted = [".tmp-o.json", ".tmp-o.json-0123456789abcdef", ".old-o.json-0123456789abcdef"];
        Array.ForEach(planted, name => File.CreateSymbolicLink(Path.Combine(folder, name), victim));
        Shell.Run("ensemble", "--inputs", embeddings, "--output", output).AssertDone();
        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.Null(new FileInfo(output).LinkTarget);
        Assert.Equal([.. planted.Append("o.json").Append("victim").Order(StringComparer.Ordinal)], Directory.GetFileSystemEntries(folder).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    // The folder contains a library that would be loaded.
    [Fact]
    public void BuildEmulator_CacheThatOthersMayWrite_IsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the emulator runs on Linux");
        string cache = world.New(), folder = Path.Combine(cache, "videosim", "emulator");
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, All);
        ChildProcess.Run(new() { ["XDG_CACHE_HOME"] = cache }, "kernels", "build-emulator")
            .AssertFailed(1, $"{folder}: can be written by other users, so the program loads nothing from there; delete it, or set XDG_CACHE_HOME to a folder of your own");
        Assert.Empty(Directory.GetFileSystemEntries(folder));
        File.SetUnixFileMode(Path.Combine(cache, "videosim"), All);
        ChildProcess.Run(new() { ["XDG_CACHE_HOME"] = cache }, "kernels", "build-emulator").AssertFailed(1, $"{Path.Combine(cache, "videosim")}: can be written by other users");
    }

    // A file that is there must not be taken for one that is missing: a model without tags is allowed, and so is a run
    // without labels.
    [Theory]
    [InlineData("tag_list.txt")]
    [InlineData("pairwise/label.tsv")]
    [InlineData("vocab.txt")]
    public void Pretrain_InputThatIsALinkToItself_IsNamed(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs symbolic links");
        string data = world.CopyOfData(), file = Path.Combine(data, name);
        File.Delete(file);
        File.CreateSymbolicLink(file, Path.GetFileName(file));
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, $"{file}: cannot be read: Too many levels of symbolic links");
    }

    [Fact]
    public void Output_ThatIsALink_IsWrittenThrough()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, link = Path.Combine(folder, "link.json"), target = Path.Combine(folder, "target.json");
        File.CreateSymbolicLink(link, "target.json");
        Shell.Run(CommandWorld.Embed(world.Pretrained, Path.Combine(world.Data, "test_b"), link)).AssertDone();
        Assert.Equal("target.json", new FileInfo(link).LinkTarget);
        Assert.True(new FileInfo(target).Length > 0);
        Assert.Equal(["link.json", "target.json"], Directory.GetFileSystemEntries(folder).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }
}
