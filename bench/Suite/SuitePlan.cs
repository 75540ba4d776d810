using System.Globalization;
using VideoSim.Models.Zoo;

namespace VideoSim.Suite;

/// <summary>What a run measures: the parts, their programs, rounds and budgets.</summary>
/// <param name="quick">Fewer cases and rounds, for a run of less than 5 minutes.</param>
/// <param name="hasGpu">
/// Whether there is an NVIDIA GPU. It is timed instead of the CPU, except by peers of the CPU.
/// </param>
/// <param name="root">Folder of the repository.</param>
internal sealed class SuitePlan(bool quick, bool hasGpu, string root)
{
    private const int QuickRounds = 3, Rounds = 5;

    /// <summary>Names of the parts, in order.</summary>
    public static readonly IReadOnlyList<string> Names = ["kernels", "steps", "sizes", "products", "torchsharp", "onnxruntime", "pytorch"];

    private static readonly string[] PytorchScripts = ["layernorm", "attention", "adam", "asl", "nextvlad", "encoder_step", "netvlad"];

    // Both beside this program. The runtime that runs this program runs them, too.
    private readonly string _videosim = Path.Combine(AppContext.BaseDirectory, "videosim.dll"), _suite = Path.Combine(AppContext.BaseDirectory, "VideoSim.Suite.dll");

    private string Device => hasGpu ? "cuda" : "cpu";

    /// <summary>The parts.</summary>
    /// <param name="only">Names of the parts to run; all if empty.</param>
    public IReadOnlyList<SuitePart> Parts(IReadOnlyList<string> only) =>
        [.. new[] { Kernels(), Steps(), Sizes(), Products(), TorchSharp(), OnnxRuntime(), Pytorch() }.Where(part => only.Count == 0 || only.Contains(part.Name))];

    private SuitePart Kernels() => Part("kernels", 120, 50,
        Videosim("all kernels, one by one", ["kernels", "bench", "--seconds", quick ? "0.02" : "0.05", "--device", Device, .. quick ? ["--models", "mix", "uniter"] : Array.Empty<string>()]));

    private SuitePart Steps()
    {
        var steps = from model in quick ? ["mix", "uniter"] : ModelZoo.Names
                    from stage in quick ? ["pretrain"] : new[] { "pretrain", "finetune" }
                    select Step(model, stage, hasGpu ? "reference" : "tiny", quick ? 30 : 60);
        // The published sizes on a CPU, with a batch that needs 4 GB.
        var large = quick || hasGpu ? [] : new[] { "mix", "uniter" }.Select(model => Step(model, "pretrain", "reference", 5, "--set", "pretrain.batch=8"));
        return Part("steps", 270, 50, [.. steps, .. large]);
    }

    private SuitePart Sizes() => Part("sizes", 60, 30, Suite("operators at a row of sizes", "sizes"));

    private SuitePart Products() => Part("products", 30, 15, Suite("products of an encoder", "products"));

    private SuitePart TorchSharp()
    {
        string folder = Path.Combine(root, "bench/Peers.TorchSharp/bin/Release/net10.0/linux-x64");
        string? missing = File.Exists(Path.Combine(folder, "libtorch.so")) ? null : "TorchSharp is not installed: dotnet build -c Release bench/Peers.TorchSharp downloads 130 MB";
        string[] commands = ["kernels", "infer", "steps"];
        return Once("torchsharp", 270, 75, missing, [.. commands.Select(command => Turns(Path.Combine(folder, "VideoSim.Peers.TorchSharp"), "torchsharp", command, command == "kernels" ? "LayerNorm" : "tiny"))]);
    }

    private SuitePart OnnxRuntime()
    {
        string folder = Path.Combine(root, "bench/Peers.OnnxRuntime/bin/Release/net10.0/linux-x64");
        string? missing = File.Exists(Path.Combine(folder, "libonnxruntime.so")) ? null : "ONNX Runtime is not installed: dotnet build -c Release bench/Peers.OnnxRuntime downloads 40 MB";
        return Once("onnxruntime", 60, 30, missing, Turns(Path.Combine(folder, "VideoSim.Peers.OnnxRuntime"), "onnxruntime", "infer", "tiny"));
    }

    private SuitePart Pytorch() => Once("pytorch", 180, 60, hasGpu ? null : "there is no NVIDIA GPU",
        [.. PytorchScripts.Select(script => new SuiteJob(script, ["python3", Path.Combine(root, "bench/gpu/peers", $"{script}.py"), "--seconds", quick ? "0.05" : "0.2"], file => PeerFiles.OfPytorch(file, script)))]);

    private SuitePart Part(string name, int seconds, int quickSeconds, params IReadOnlyList<SuiteJob> jobs) =>
        new(name, TimeSpan.FromSeconds(quick ? quickSeconds : seconds), quick ? QuickRounds : Rounds, jobs);

    // A program that takes turns with a peer has rounds of its own.
    private SuitePart Once(string name, int seconds, int quickSeconds, string? missing, params IReadOnlyList<SuiteJob> jobs) =>
        Part(name, seconds, quickSeconds, jobs) with { Rounds = 1, Missing = missing };

    private SuiteJob Step(string model, string stage, string preset, int steps, params string[] more) =>
        Videosim($"{model} {stage}, {preset}", ["bench", "--model", model, "--stage", stage, "--preset", preset, "--steps", steps.ToString(CultureInfo.InvariantCulture), "--device", Device, .. more]);

    private SuiteJob Videosim(string name, string[] arguments) => new(name, ["dotnet", _videosim, .. arguments, "--json", "--quiet"], RoundResults.OfVideosim);

    private SuiteJob Suite(string name, string part) => new(name, ["dotnet", _suite, "operators", part, Device, quick ? "0.02" : "0.1", SuiteJob.File], RoundResults.OfRows);

    // Such a program starts itself for each side, so it is not started by "dotnet".
    private SuiteJob Turns(string program, string system, string command, string quickly) => new($"{system} {command}, turn by turn",
        [program, command, "--rounds", (quick ? QuickRounds : Rounds).ToString(CultureInfo.InvariantCulture), "--json", SuiteJob.File, .. quick ? ["--only", quickly] : Array.Empty<string>()],
        file => PeerFiles.OfTurns(file, system));
}
