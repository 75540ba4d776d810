using System.Security.Cryptography;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// A training whose batches are copied beside the steps gives the bits of one that copies them between the steps,
/// whenever the two streams do their work.
/// </summary>
[Collection(EmulatedMachine.Collection)]
public sealed class CopyStreamTests
{
    private const int Steps = 7; // more than slots, and most of them replays of a graph

    public static TheoryData<string, bool, int> Trainings => LongTests.Run
        ? new() { { "mix", false, 1 }, { "mix", true, 2 }, { "uniter", false, 1 }, { "uniter", false, 2 }, { "uniter", true, 1 } }
        : new() { { "mix", false, 1 }, { "uniter", true, 1 } };

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Train_AnyOrderOfStreams_GivesTheBitsOfCopiesInOrder(string model, bool eager, int parts)
    {
        using var cuda = EmulatedMachine.Open();
        var inOrder = new Redirected(cuda, cuda.Stream); // its copies are not staged; the stream is not its own
        var expected = Train(inOrder, model, eager, parts);
        Assert.Equal(3, expected.Count);
        try
        {
            for (ulong order = 0; order < 3; order++)
            {
                EmulatedMachine.OrderStreams(order);
                Assert.Equal(expected, Train(cuda, model, eager, parts));
            }
        }
        finally
        {
            EmulatedMachine.OrderStreams(0);
        }
    }

    // The log lines, and the files of the last weights and moments, by their hashes.
    private static Dictionary<string, string> Train(Device device, string model, bool eager, int parts)
    {
        using var job = new TinyJob(model, device, $"pretrain.steps={Steps}", $"pretrain.encoder_schedule_steps={Steps}", "pretrain.log_every=3",
            $"pretrain.evaluate_every={Steps}", $"pretrain.checkpoint_every={Steps}", $"pretrain.gradient_accumulation_steps={parts}");
        job.Train(pairs: false, job.Fill, IProgressSink.None, eager: eager);
        string[] files = [Path.Combine(job.Output, "metrics.jsonl"), .. Directory.GetFiles(Path.Combine(job.Output, $"checkpoint-{Steps}"), "*.safetensors")];
        return files.ToDictionary(static file => Path.GetFileName(file), static file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));
    }
}
