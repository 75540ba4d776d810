using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>Options of <c>bench tune</c>.</summary>
/// <param name="File">The table to write, or to add products to.</param>
/// <param name="Preset">Name of the preset.</param>
/// <param name="Models">Canonical names of the models whose products are tuned.</param>
/// <param name="Stages">Their stages: true for pretraining, false for finetuning.</param>
/// <param name="Overrides">Values that replace those of the preset.</param>
/// <param name="Precision">Type of activations; null for the recipe's.</param>
public sealed record TuningOptions(string File, string Preset, IReadOnlyList<string> Models, IReadOnlyList<bool> Stages, IReadOnlyList<Override> Overrides, ElementType? Precision);

/// <summary>The result of <c>bench tune</c>.</summary>
/// <param name="Conditions">Conditions of the bench.</param>
/// <param name="Device">Name of the device.</param>
/// <param name="Emulated">Whether the device is the emulator: then the times mean nothing.</param>
/// <param name="Preset">Name of the preset.</param>
/// <param name="File">The table.</param>
/// <param name="Kept">How many of the products were in the table before, and were not timed again.</param>
/// <param name="Products">The products of the steps, with the algorithms that the table has for them.</param>
public sealed record TuningResult([property: JsonIgnore] BenchConditions Conditions, string Device, bool Emulated, string Preset, string File, int Kept, IReadOnlyList<TunedProduct> Products) : BenchConditions(Conditions);

/// <summary>
/// Times the algorithms of cuBLASLt for the matrix products of training steps, and writes the fastest ones to a table.
/// The table is written after each step, so a tuning that was stopped continues with the next step.
/// </summary>
public static class ProductTuning
{
    // For each algorithm of a product. At least ten rounds are timed. On the emulator times mean nothing.
    private static TimeSpan Limit => CudaEmulator.IsInPlace ? TimeSpan.Zero : TimeSpan.FromSeconds(0.1);

    /// <summary>Tunes the products of steps. Each kind of product is timed once.</summary>
    /// <param name="device">The GPU, without a tuning table.</param>
    /// <param name="options">The options.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="clock">Gives the date.</param>
    /// <param name="cancellation">Stops between launches. What was timed is written.</param>
    /// <exception cref="DataException">
    /// The table has an error, is of another GPU or another version of the library, or cannot be written.
    /// </exception>
    public static TuningResult Run(CudaDevice device, TuningOptions options, IProgressSink progress, TimeProvider clock, CancellationToken cancellation)
    {
        var conditions = BenchConditions.Of(device, clock);
        var table = Read(options.File, device).ToDictionary(static row => row.Product);
        AtomicFile.RequireWritable(options.File);
        var earlier = table.Keys.ToHashSet();
        var kinds = new HashSet<ProductKind>();
        using var timer = LaunchClock.Of(device);
        using var batches = new SyntheticBatches();
        foreach (string model in options.Models)
        {
            foreach (bool pretraining in options.Stages)
            {
                var sizes = SyntheticBatches.Sizes(options.Preset, model, options.Overrides);
                using var built = new BuiltStep(device, sizes, pretraining, options.Precision);
                var ofStep = ProductTuner.KindsOf(device, built.Step.Replay);
                kinds.UnionWith(ofStep);
                string label = $"{new StepKind(model, pretraining, options.Precision ?? built.Training.Precision)}, batch {built.Training.Batch}";
                int count = ofStep.Count(kind => !table.ContainsKey(kind));
                progress.Note($"{label}: {ofStep.Count} kinds of products, {ofStep.Count - count} of them in the table");
                if (count == 0)
                    continue;
                batches.Fill(built, sizes.Model, cancellation);
                progress.Begin(label, count);
                using var tuner = new ProductTuner(device, table.Keys, calls => timer.SampleInTurn(calls, Limit, cancellation), done => progress.Report(done, ""));
                try
                {
                    built.Step.Replay(tuner);
                }
                finally
                {
                    foreach (var row in tuner.Products)
                        table.Add(row.Product, row);
                    if (tuner.Products.Count > 0)
                        TuningTable.Write(options.File, device, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime), [.. table.Values]);
                }
                progress.End(string.Create(CultureInfo.InvariantCulture, $"{tuner.Products.Count(static row => row.Microseconds < row.FirstMicroseconds)} of {count} get another algorithm than the first"));
            }
        }
        return new TuningResult(conditions, device.Name, CudaEmulator.IsInPlace, options.Preset, options.File, kinds.Count(earlier.Contains), [.. kinds.Select(kind => table[kind])]);
    }

    private static IReadOnlyList<TunedProduct> Read(string file, CudaDevice device)
    {
        if (!PathCheck.IsFile(file))
            return [];
        var table = TuningTable.Read(file);
        table.RequireFor(DeviceNames.WithoutNumber(device.Name), CudaDevice.ProductsVersion);
        return table.Products;
    }
}

/// <summary>JSON of tunings.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TuningResult))]
public sealed partial class TuningResultJson : JsonSerializerContext;
