using System.Diagnostics;
using System.Globalization;
using VideoSim.Engine;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using VideoSim.Onnx;
using VideoSim.Peers.Measuring;
using VideoSim.Peers.Networks;

namespace VideoSim.Peers;

/// <summary>Embedding of a batch by all six models at the size of tiny, and by two at the published size.</summary>
internal static class InferenceJobs
{
    /// <summary>The command that writes the model of a job as ONNX. The peer's process starts it.</summary>
    public const string ExportCommand = "export";

    // Largest difference of a value; values are around 1.
    private const float Tolerance = 1e-4f;

    private static readonly Dictionary<string, Preset> Sizes = ModelZoo.Names.Select(static model => (Model: model, Preset: "tiny", Batch: 32))
        .Concat(new[] { "uniter", "mix" }.Select(static model => (Model: model, Preset: "reference", Batch: 8)))
        .ToDictionary(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Model} {one.Preset} inference, batch {one.Batch}"),
            static one => Preset.Load(one.Preset, one.Model, [string.Create(CultureInfo.InvariantCulture, $"pretrain.batch={one.Batch}")]));

    /// <summary>All of them.</summary>
    public static IEnumerable<Job> All => Sizes.Select(static pair => new Job(pair.Key, threads => Ours(pair.Value, threads), threads => Peer(pair.Key, threads)));

    /// <summary>Compares the embeddings of both sides of a job, and prints a line on stderr.</summary>
    /// <exception cref="DataException">They differ, or are not finite.</exception>
    public static void Compare(Job job)
    {
        using var network = new VideoSimNetwork(Sizes[job.Name], training: false, Environment.ProcessorCount);
        using var step = network.BuildInference();
        step.Run();
        float[] ours = network.Device.Read<float>(step.Result);
        using var session = Open(job.Name, Environment.ProcessorCount);
        float[] theirs = session.Run();
        float difference = ours.Length == theirs.Length ? ours.Zip(theirs, static (a, b) => MathF.Abs(a - b)).Max() : float.NaN;
        if (!(difference <= Tolerance)) // also for NaN
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"{job.Name}: the embeddings differ by {difference}, more than {Tolerance}"));
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{job.Name}: {ours.Length} values differ by at most {difference:E1}"));
    }

    /// <summary>Writes the model of a job as ONNX, with the weights of our side.</summary>
    public static void Export(string job, string file)
    {
        using var network = new VideoSimNetwork(Sizes[job], training: false, threads: 1);
        new OnnxModel(Sizes[job].Model).Write(file, network.Model.Parameters);
    }

    private static Work Ours(Preset sizes, int threads)
    {
        var network = new VideoSimNetwork(sizes, training: false, threads);
        return new Work(network.BuildInference().Run, network.Model.Parameters.Count);
    }

    private static Work Peer(string job, int threads)
    {
        var session = Open(job, threads);
        return new Work(() => session.Run(), session.Parameters);
    }

    // Another process writes the file, so that our weights do not count as memory of the peer.
    private static OnnxSession Open(string job, int threads)
    {
        string folder = Directory.CreateTempSubdirectory("videosim-peer-").FullName;
        try
        {
            string file = Path.Combine(folder, "model.onnx");
            using var export = Process.Start(Environment.ProcessPath!, [ExportCommand, job, file]);
            export.WaitForExit();
            if (export.ExitCode != 0)
                throw new DataException($"{job}: the model was not written as ONNX");
            return new OnnxSession(file, Sizes[job], threads);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
