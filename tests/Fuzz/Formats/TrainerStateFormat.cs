using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Training;

namespace VideoSim.Fuzz.Formats;

/// <summary>trainer_state.json of a checkpoint, and the metrics that are cut to its length.</summary>
internal sealed class TrainerStateFormat() : Format("run-state", RunFiles.StateFile, "RunCheckpoints.Resume: pretrain, finetune, reproduce")
{
    // One of an older version, without hashes, and one with them.
    public override IEnumerable<byte[]> Seeds() => [Encoding.UTF8.GetBytes(RunFiles.All[RunFiles.StateFile]), SealedJson.WithHash($$"""{"files":{},"metrics_sha256":"{{RunFiles.MetricsHash}}",{{RunFiles.All[RunFiles.StateFile][1..]}}""") ?? []];

    public override byte[] Mutate(Mutator mutator, byte[] input) => SealedJson.Mutate(mutator, input);

    public override void Prepare(string folder) => RunFiles.Write(folder);

    public override void Read(string path, byte[] input)
    {
        string run = Path.GetDirectoryName(Path.GetDirectoryName(path)!)!, metrics = Path.Combine(run, RunMetrics.Name);
        if (new FileInfo(metrics).Length != RunFiles.Metrics.Length)
            File.WriteAllText(metrics, RunFiles.Metrics);
        var checkpoints = new RunCheckpoints(run, new RunMetrics(run));
        checkpoints.Require(RunFiles.Step, isComplete: false);
        var (_, state) = checkpoints.Resume() ?? throw new WrongValueException("the checkpoint is missing", "");
        JsonOracle.Same(state, RunJson.Default.TrainerState, JsonOracle.Strict(input));
        Expect.Equal(RunFiles.Step, state.Step, "step");
        Expect.Equal(state.MetricsBytes, new FileInfo(metrics).Length, "length of the metrics");
        Expect.That(state.ValidationsWithoutGain >= 0 && state.Rollbacks >= 0 && (state.BestStep ?? 0) >= 0, "a negative number was taken");
    }
}
