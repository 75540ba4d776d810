using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// A CUDA device over the emulator for whole models. A process has one driver, so its tests share a collection.
/// </summary>
internal static class EmulatedMachine
{
    public const string Collection = "cuda";

    private const string PlantedSource = "PlantedAdam.cu", PlantedEntry = "planted_adam_f32";

    // Adam that goes uphill.
    private static readonly Kernel<AdamArgs> PlantedAdam = new(PlantedEntry)
    {
        Source = PlantedSource,
        Defines = AdamKernels.Update.Defines,
        LaunchShape = AdamKernels.Update.LaunchShape,
        CountItems = AdamKernels.Update.CountItems,
        Twin = AdamKernels.Update.Twin,
        CountCost = AdamKernels.Update.CountCost,
    };

    private static readonly Lazy<CudaEmulator> Emulator = new(static () => new CudaEmulator(UserCache.Emulator, Sources(), KernelUnit.Group([.. Catalog.Kernels, PlantedAdam])));

    /// <summary>Opens the device, or skips the test and says why.</summary>
    /// <param name="images">Compiled kernels; null for those of the emulator.</param>
    /// <param name="tuning">A tuning table, or null.</param>
    public static CudaDevice Open(IKernelImages? images = null, TuningTable? tuning = null)
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        return Emulator.Value.Open(images, tuning: tuning);
    }

    /// <summary>See <see cref="CudaEmulator.OrderStreams"/>.</summary>
    public static void OrderStreams(ulong order) => Emulator.Value.OrderStreams(order);

    /// <summary>The same device with an Adam that has the wrong sign.</summary>
    public static Device PlantAdam(CudaDevice device) => new Redirected(device, new PlantedStream(device.Stream));

    private static KernelSources Sources()
    {
        const string Right = "    w -= rate", Entry = "adam_f32(";
        string text = KernelSources.Embedded[AdamKernels.Update.Source!];
        Assert.Equal((2, 2), (text.Split(Right).Length, text.Split(Entry).Length)); // once each
        string planted = text.Replace(Right, "    w += rate", StringComparison.Ordinal).Replace(Entry, $"{PlantedEntry}(", StringComparison.Ordinal);
        return new([.. KernelSources.Embedded.Texts, new(PlantedSource, planted)]);
    }

    private sealed unsafe class PlantedStream(ComputeStream stream) : ComputeStream
    {
        public override void Launch(Kernel kernel, void* args, int bytes) => stream.Launch(kernel == AdamKernels.Update ? PlantedAdam : kernel, args, bytes);

        public override void Synchronize() => stream.Synchronize();
    }
}

[CollectionDefinition(EmulatedMachine.Collection)]
public sealed class CudaCollection;
