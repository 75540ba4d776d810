using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>An update whose gradients are accumulated over several batches.</summary>
public sealed class AccumulationTests : IDisposable
{
    private const int WholeBatch = 12;
    private const double Unit = 1.0 / (1 << 23); // in the last place of 1

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    // Parts add in another order than a whole batch. How far rounding moves a gradient is measured: by a unit in the
    // last place of every weight, up and down. The bound is the sum of both, and a unit of the tensor itself. A
    // dropped element, a masked token or a weight in the wrong place would move it by far more.
    [Theory]
    [InlineData("uniter", false)]
    [InlineData("uniter", true)]
    [InlineData("uniter-asl", false)]
    [InlineData("uniter-asl", true)]
    [InlineData("uniter-roformer", false)]
    [InlineData("uniter-roformer", true)]
    public void Parts_OfAModelThatMixesNoSamples_AddUpToTheWholeBatch(string model, bool pairs)
    {
        using var device = new CpuDevice(2);
        var training = new ModelTraining(model, pairs) { Batch = WholeBatch, StepCount = 2 };
        var whole = training.Run(device);
        Trained up = (training with { Nudge = 1 }).Run(device), down = (training with { Nudge = -1 }).Run(device);
        foreach (int parts in new[] { 2, 3, 4 })
        {
            var actual = (training with { Batch = WholeBatch / parts, Parts = parts }).Run(device);
            for (int step = 0; step < training.StepCount; step++)
            {
                double rounding = Math.Abs(up.Losses[step] - whole.Losses[step]) + Math.Abs(down.Losses[step] - whole.Losses[step]) + Unit * Math.Abs(whole.Losses[step]);
                Assert.InRange(Math.Abs(actual.Losses[step] - whole.Losses[step]), 0, rounding);
            }
            double along = 0, squares = 0, wholeSquares = 0;
            foreach (var (name, expected) in whole.FirstGradients)
            {
                float[] gradient = actual.FirstGradients[name];
                double rounding = Distance(up.FirstGradients[name], expected) + Distance(down.FirstGradients[name], expected) + Unit * Distance(expected, new float[expected.Length]);
                Assert.True(Distance(gradient, expected) <= rounding, $"{parts} parts, {name}: {Distance(gradient, expected)} is over {rounding}");
                for (int i = 0; i < gradient.Length; i++)
                    (along, squares, wholeSquares) = (along + (double)gradient[i] * expected[i], squares + (double)gradient[i] * gradient[i], wholeSquares + (double)expected[i] * expected[i]);
            }
            Assert.InRange(along / Math.Sqrt(squares * wholeSquares), 1 - 1e-6, 1 + 1e-12);
        }

        static double Distance(float[] x, float[] y) => Math.Sqrt(x.Zip(y, static (a, b) => ((double)a - b) * ((double)a - b)).Sum());
    }

    [Theory]
    [InlineData("mix", true)]
    [InlineData("uniter", false)]
    public void Parts_AgainOrEagerOrWithOtherThreads_GiveTheSameBits(string model, bool pairs)
    {
        using CpuDevice one = new(1), eight = new(8);
        var training = new ModelTraining(model, pairs) { Batch = 2, Parts = 5, StepCount = 2 };
        var expected = training.Run(one);
        foreach (var actual in new[] { training.Run(one), training.Run(eight), (training with { Eager = true }).Run(eight) })
        {
            Assert.Equal(expected.Losses, actual.Losses);
            Assert.All(actual.Values, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(expected.Values[pair.Key]), pair.Key));
        }
    }

    [Fact]
    public void Run_StoppedWithPartsLeft_EndsWithTheSameBytes()
    {
        string[] overrides = ["pretrain.batch=3", "pretrain.gradient_accumulation_steps=3", "pretrain.steps=8", "pretrain.encoder_schedule_steps=8"];
        TinyData.Write(Data);
        Pretrain("whole", threads: 1, eager: false, stop: null);
        using (var stop = new StopAt(3))
            Assert.ThrowsAny<OperationCanceledException>(() => Pretrain("stopped", threads: 2, eager: true, stop));
        Pretrain("stopped", threads: 2, eager: false, stop: null);
        Folders.AssertEqual(Path.Combine(_root, "whole"), Path.Combine(_root, "stopped"));

        void Pretrain(string folder, int threads, bool eager, StopAt? stop)
        {
            using var device = new CpuDevice(threads);
            Pretraining.Run(device, TinyRun.Options(Path.Combine(_root, folder), eager, overrides) with { Model = "uniter" }, new DataFolder(Data), stop ?? IProgressSink.None, stop?.Token ?? CancellationToken.None);
        }
    }

    // The logged loss is that of all parts, and the first part is not the last.
    [Fact]
    public unsafe void Gradient_OfTheFirstPartNotFinite_StopsAtTheNextLogLine()
    {
        using var job = new TinyJob("mix", threads: 1, "pretrain.gradient_accumulation_steps=2");
        string message = Assert.Throws<DataException>(() => job.Train(pairs: false, (number, parts) =>
        {
            job.Fill(number, parts);
            if (number == 6)
                parts[0].Frames.Halves[3] = Half.NaN;
        }, IProgressSink.None)).Message;
        Assert.StartsWith("job: the gradient of ", message, StringComparison.Ordinal);
        Assert.EndsWith($" is not finite at step 7; the last good checkpoint is {Path.Combine(job.Output, "checkpoint-5")}; go on with --on-nan rollback, or begin again with a smaller --learning-rate or with --max-grad-norm 1", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mix", false, 2, "job: batch normalisation and the contrastive term see one micro-batch of 4 at a time, so 2 of them are not the same as one batch of 8")]
    [InlineData("mix", true, 3, "job: batch normalisation sees one micro-batch of 4 at a time, so 3 of them are not the same as one batch of 12")]
    [InlineData("mix", false, 1, null)]
    [InlineData("uniter", false, 2, null)]
    public void Start_OfAModelThatMixesSamples_SaysSo(string model, bool pairs, int parts, string? line)
    {
        var notes = new Notes();
        string[] overrides = [.. new[] { "pretrain", "finetune" }.SelectMany(stage => new[] { $"{stage}.gradient_accumulation_steps={parts}", $"{stage}.steps=1", $"{stage}.warmup=0", $"{stage}.encoder_warmup=0" })];
        using var job = new TinyJob(model, threads: 2, overrides);
        job.Train(pairs, job.Fill, notes);
        Assert.Equal(line is null ? [] : [line], notes.Lines.Where(static note => note.Contains("at a time", StringComparison.Ordinal)));
    }

    private string Data => Path.Combine(_root, "data");
}
