using System.CommandLine;
using System.Reflection;
using VideoSim.Peers.Kernels;
using VideoSim.Peers.Measuring;
using VideoSim.Peers.Networks;
using VideoSim.Peers.Torch;

namespace VideoSim.Peers;

/// <summary>The command line.</summary>
internal static class Commands
{
    private static readonly PeerProgram Program = new("Measures VideoSim beside TorchSharp, turn by turn.",
        [
            new("steps", "training steps of the networks, with the update and without it", NetworkJobs.Steps),
            new("infer", "embedding of a batch", NetworkJobs.Inference),
            new("kernels", "kernels of a step alone", KernelJobs.All),
        ],
        static _ => Libtorch.Prepare(), PeerVersion);

    /// <summary>Runs a command.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args)
    {
        var check = new Command("check", "compare losses, gradients and embeddings of both sides on small networks without dropout");
        check.SetAction(_ => PeerProgram.Finish(EqualityCheck.Run));
        return Program.Run(args, check);
    }

    private static string PeerVersion()
    {
        string version = typeof(TorchSharp.torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        return $"TorchSharp {version.Split('+')[0]}, libtorch {TorchSharp.torch.__version__}";
    }
}
