using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine.Devices;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>bench</c>: the time of a training step, and of each kernel in it.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var stage = CommonOptions.Stage("pretrain or finetune; pretrain if left out");
        var preset = CommonOptions.PresetName();
        var set = CommonOptions.Set(preset);
        var steps = CommonOptions.Positive("--steps", "steps to measure", 20);
        var device = CommonOptions.DeviceName();
        var precision = CommonOptions.Precision();
        var threads = CommonOptions.Threads();
        var inOrder = new Option<bool>("--in-order") { Description = "run the branches of a GPU's steps in order, to see what they gain" };
        var tuning = CommonOptions.Tuning();
        var json = CommonOptions.Json();
        var command = new Command("bench", "Measure training steps on synthetic data, and each kernel of a step.") { BenchCompareCommand.Create(), BenchTuneCommand.Create(), model, stage, preset, set, steps, device, precision, threads, inOrder, tuning, json };
        command.RequireCudaFor(tuning, device);
        return command.Does((parsed, console, cancellation) =>
        {
            using var opened = CommonOptions.Open(parsed.GetValue(device)!, parsed.GetValue(threads), console, tuning: parsed.GetValue(tuning) is { } file ? TuningTable.Read(file) : null);
            if (parsed.GetValue(inOrder) && opened is CudaDevice cuda)
                cuda.RunInOrder();
            var time = StepBench.Measure(opened, parsed.GetValue(preset)!, ModelZoo.Canonical(parsed.GetValue(model)!), [.. parsed.GetValue(set)!],
                parsed.GetValue(precision), parsed.GetValue(stage) != "finetune", parsed.GetValue(steps), TimeProvider.System, cancellation);
            console.WriteResult(Table(time), time, StepTimeJson.Default.StepTime);
            if (time.Error is null)
                return CommandLine.Done;
            console.WriteError(time.Error);
            return time.Complete || !cancellation.IsCancellationRequested ? CommandLine.Failed : CommandLine.Interrupted;
        }, json);
    }

    private static ResultTable Table(StepTime time)
    {
        var table = new ResultTable().TextColumn($"{time.Model} {time.Stage}, batch {time.Batch}, {time.Device}").NumberColumn("launches").NumberColumn("ms").NumberColumn("GFLOP/s").NumberColumn("GB/s");
        foreach (var (which, milliseconds) in new[] { ("median", time.MedianMilliseconds), ("best", time.BestMilliseconds) })
        {
            if (milliseconds is { } known)
                table.Row($"step, {which} of {time.Steps}", $"{time.Launches}", Format(known), Format(time.Flops / known / 1e6), "");
        }
        foreach (var kernel in time.Kernels)
            table.Row(kernel.Entry, $"{kernel.Launches}", Format(kernel.Microseconds / 1e3), Format(kernel.Flops / kernel.Microseconds / 1e3), Format(kernel.MovedBytes / kernel.Microseconds / 1e3));
        return table;
    }

    private static string Format(double value) => value.ToString("N2", CultureInfo.InvariantCulture);
}
