using System.Text.RegularExpressions;
using VideoSim.Engine.Compilation;
using VideoSim.Kernels;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Tests that run commands: one after the other, with a dataset and a trained model at hand.</summary>
[CollectionDefinition(nameof(CommandTests), DisableParallelization = true)]
public sealed class CommandTests : ICollectionFixture<CommandWorld>;

/// <summary>A dataset and a model trained on it for two steps, made once; nobody changes them.</summary>
public sealed partial class CommandWorld : IDisposable
{
    private static readonly Lazy<string> EmulatorFolder = new(static () => EmulatorBuild.Make(UserCache.Emulator, KernelSources.Embedded, KernelUnit.Group(Catalog.Kernels)));

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    private readonly Lazy<string> _cache;

    public CommandWorld()
    {
        _cache = new(CopyOfCaches);
        TinyData.Write(Data);
        Shell.Run(Pretrain(Data, Pretrained)).AssertDone();
    }

    internal string Data => Path.Combine(_root.FullName, "data");

    /// <summary>A finished run.</summary>
    internal string Pretrained => Path.Combine(_root.FullName, "pretrained");

    /// <summary>The folder of the emulator with all kernels.</summary>
    internal static string Emulator => EmulatorFolder.Value;

    /// <summary>
    /// A root of caches for builds that nobody else needs. The emulator with all kernels is in it, so builds with
    /// other sources reuse its parts, and so are the kernels that NVRTC has compiled.
    /// </summary>
    internal string Cache => _cache.Value;

    /// <summary>A path that nobody else uses.</summary>
    internal string New() => Path.Combine(_root.FullName, Guid.NewGuid().ToString("N")[..8]);

    /// <summary>A copy of the dataset, to be damaged.</summary>
    internal string CopyOfData() => Copy(Data);

    /// <summary>A copy of the finished run, to be damaged.</summary>
    internal string CopyOfRun() => Copy(Pretrained);

    internal static string[] Pretrain(string data, string output, params string[] more) =>
        With(["pretrain", "--model", "mix", "--data", data, "--output-dir", output, .. Options], more);

    internal static string[] Finetune(string data, string pretrained, string output, params string[] more) =>
        With(["finetune", "--model", "mix", "--data", data, "--output-dir", output, "--pretrained", pretrained, "--fold", "1", .. Options], more);

    internal static string[] Embed(string checkpoint, string records, string output) => ["embed", "--checkpoint", checkpoint, "--records", records, "--output", output];

    /// <summary>Two steps of each stage, a checkpoint after the first.</summary>
    internal static string[] Options =>
    [
        "--preset", "micro", "--seed", "5", "--threads", "1",
        .. TinyData.Overrides.Concat(Stage("pretrain")).Concat(Stage("finetune")).SelectMany(text => new[] { "--set", text }),
    ];

    private string CopyOfCaches()
    {
        // Tests of other projects build in the same cache meanwhile: lock and unfinished builds are left out.
        string root = New();
        foreach (string folder in new[] { Emulator, Path.Combine(Path.GetDirectoryName(Emulator)!, "parts") })
        {
            string target = new CacheFolder(root, $"{UserCache.Emulator.Name}/{Path.GetFileName(folder)}").Open();
            foreach (string library in Directory.GetFiles(folder).Where(static file => Library().IsMatch(file)))
                File.Copy(library, Path.Combine(target, Path.GetFileName(library)));
        }
        string compiled = new CacheFolder(root, UserCache.Kernels.Name).Open();
        foreach (string image in Directory.GetFiles(UserCache.Kernels.Open(), "*.image"))
            File.Copy(image, Path.Combine(compiled, Path.GetFileName(image)));
        return root;
    }

    public void Dispose() => _root.Delete(recursive: true);

    // Adds an option; one that is there already, and may be there only once, gets the new value.
    private static string[] With(string[] args, string[] more)
    {
        int place = more.Length == 2 && more[0] != "--set" ? Array.IndexOf(args, more[0]) : -1;
        if (place < 0)
            return [.. args, .. more];
        args[place + 1] = more[1];
        return args;
    }

    private static string[] Stage(string name) =>
        [$"{name}.steps=2", $"{name}.warmup=1", $"{name}.log_every=1", $"{name}.checkpoint_every=1"];

    private string Copy(string folder)
    {
        string copy = New();
        foreach (string file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(copy, Path.GetRelativePath(folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return copy;
    }

    [GeneratedRegex(@"(\.kernels\.so|libcuda\.so\.1|libcublasLt\.so\.12)$")]
    private static partial Regex Library();
}
