using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>bench tune</c>: the fastest algorithms of cuBLASLt for the products of training steps.</summary>
internal static class BenchTuneCommand
{
    public static Command Create()
    {
        var models = CommonOptions.Models();
        var stage = CommonOptions.Stage("pretrain or finetune; both if left out");
        var preset = CommonOptions.PresetName();
        var set = CommonOptions.Set(preset);
        var device = CommonOptions.DeviceName("cuda");
        var precision = CommonOptions.Precision();
        var output = new Option<string>("--output") { HelpName = ValueName.File, Description = "table to write, or to add products to", DefaultValueFactory = static _ => "tuning.json" };
        var json = CommonOptions.Json();
        var command = new Command("tune", """
            Time the algorithms that cuBLASLt offers for the matrix products of training steps, and write the fastest ones to a table for --tuning. Products that the table has are not timed again.
            """) { models, stage, preset, set, device, precision, output, json };
        command.Checks(result =>
        {
            if (result.GetValue(device) == "cpu")
                throw new DataException($"{device.Name} cpu: the CPU does not use cuBLASLt");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            using var opened = (CudaDevice)CommonOptions.Open(parsed.GetValue(device)!, Environment.ProcessorCount, console);
            var options = new TuningOptions(parsed.GetValue(output)!, parsed.GetValue(preset)!, [.. parsed.GetValue(models)!.Select(ModelZoo.Canonical).Distinct()],
                parsed.GetValue(stage) is { } only ? [only == "pretrain"] : [true, false], [.. parsed.GetValue(set)!], parsed.GetValue(precision));
            CommonOptions.NoteEmulator(opened, console);
            var result = ProductTuning.Run(opened, options, console.Progress, TimeProvider.System, cancellation);
            console.WriteResult(Table(result), result, TuningResultJson.Default.TuningResult);
            console.Progress.Note($"{result.File}: has {result.Products.Count} products of these steps, {result.Kept} of them from before");
            return CommandLine.Done;
        }, json, resumes: static _ => true);
    }

    private static ResultTable Table(TuningResult result)
    {
        var table = new ResultTable().TextColumn($"product, {result.Device}").NumberColumn("candidates").NumberColumn("first, us").NumberColumn("best, us").NumberColumn("ratio");
        foreach (var row in result.Products)
            table.Row(NameOf(row.Product), $"{row.Candidates}", Format(row.FirstMicroseconds), Format(row.Microseconds), Format(row.FirstMicroseconds / row.Microseconds));
        return table;
    }

    private static string NameOf(in ProductKind kind) => string.Create(CultureInfo.InvariantCulture,
        $"{(kind.Batch > 1 ? $"{kind.Batch} x " : "")}{kind.M} x {kind.N} x {kind.K}, {(kind.TransposeA == 0 ? "A" : "A^T")} {(kind.TransposeB == 0 ? "B" : "B^T")}{(kind.HasBias ? " + bias" : "")}, {kind.Operands.Suffix()} to {kind.Result.Suffix()}");

    private static string Format(double value) => value.ToString("N2", CultureInfo.InvariantCulture);
}
