using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// After a power cut a file system may have lost every change that was not flushed. The test reads the calls of a
/// command with strace: content is flushed before it gets its name, and a name before the next one changes.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed partial class PowerCutTests(CommandWorld world)
{
    [Fact]
    public void Pretrain_AtEveryCall_HasAWholeCheckpointOnTheDisk()
    {
        string run = Path.Combine(world.New(), "run");
        string[] changes = Changes([.. CommandWorld.Pretrain(world.Data, run), "--set", "pretrain.steps=3"]);
        Assert.Contains(Path.Combine(run, "checkpoint-3"), changes);
        Assert.Contains(Path.Combine(run, "best"), changes);
        Assert.Contains(run, changes);
    }

    [Fact]
    public void Embed_ToAMatrixAndItsIds_HasNoFilesOfTwoPairs()
    {
        string output = world.New() + ".npy", records = Path.Combine(world.Data, "test_b");
        Changes(CommandWorld.Embed(world.Pretrained, records, output));
        string ids = Path.ChangeExtension(output, ".ids.txt");
        Assert.Equal([output, ids, output], Changes(CommandWorld.Embed(world.Pretrained, records, output)));
    }

    // The names that the command changes, in their order. A name is changed if something gets it or if it is deleted.
    private static string[] Changes(string[] command)
    {
        using var strace = Start(command);
        string log = strace.StandardError.ReadToEnd();
        strace.WaitForExit();
        Assert.Equal(0, strace.ExitCode);
        var (changes, flushed, pending) = (new List<string>(), new HashSet<string>(), (string?)null);
        foreach (Match call in Call().Matches(log))
        {
            string first = call.Groups["first"].Value, second = call.Groups["second"].Value, name = call.Groups["name"].Value;
            if (!first.StartsWith(Path.GetTempPath() + "videosim-test-", StringComparison.Ordinal))
                continue; // of the runtime
            if (first.EndsWith(".lock", StringComparison.Ordinal))
                continue; // it has no content
            if (name == "fsync")
            {
                flushed.Add(first);
                pending = pending is not null && Path.GetDirectoryName(pending) == first ? null : pending;
                continue;
            }
            string changed = name == "rename" ? second : first;
            Assert.True(name != "rename" || IsTemporary(second) || flushed.Contains(first), $"{first} is not on the disk when it becomes {second}");
            // Of the content of a predecessor, only the first file counts.
            Assert.True(pending is null, $"{name} {first}: the change of {pending} is not on the disk");
            if (IsTemporary(changed))
                continue;
            changes.Add(changed);
            pending = changed;
        }
        return [.. changes];
    }

    private static bool IsTemporary(string path) => TemporaryPart().IsMatch(path) || Path.GetFileName(path).StartsWith(".lock", StringComparison.Ordinal);

    private static Process Start(string[] command)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("strace", ["-f", "-qq", "-s", "4096", "-y", "-z", "-e", "signal=none", "-e", "trace=fsync,rename,mkdir,unlink,rmdir", "dotnet", Path.Combine(AppContext.BaseDirectory, "videosim.dll"), .. command, "--quiet"])
            {
                RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("strace was not found (Debian: apt install strace)");
            throw;
        }
    }

    [GeneratedRegex("""(?<name>rename|mkdir|unlink|rmdir|fsync)\((?:\d+<(?<first>[^>]+)>|"(?<first>[^"]+)"(?:, "(?<second>[^"]+)")?)""")]
    private static partial Regex Call();

    [GeneratedRegex(@"/\.(tmp|old)-[^/]+-[0-9a-f]{16}(/|$)")]
    private static partial Regex TemporaryPart();
}
