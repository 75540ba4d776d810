using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using VideoSim.Models.Recipes;

namespace VideoSim.Models.Training;

/// <summary>Memory of a training run, by what it is for.</summary>
/// <param name="WeightBytes">Weights with their bf16 copies, running statistics and constants.</param>
/// <param name="GradientBytes">
/// Gradients that have memory of their own, and their sums if they are accumulated. The others are among the
/// activations.
/// </param>
/// <param name="MomentBytes">Moments of the optimizer, with its small tables.</param>
/// <param name="ActivationBytes">The arena of a step: activations, and gradients that share bytes with them.</param>
/// <param name="FloorBytes">
/// Weights, gradients, moments, the batch, and the most activations that a step needs at the same time. The run cannot
/// take less with the same launches in the same order.
/// </param>
public sealed record PlannedMemory(long WeightBytes, long GradientBytes, long MomentBytes, long ActivationBytes, long FloorBytes);

/// <summary>One training run, or several of one size.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Stage">pretrain or finetune.</param>
/// <param name="Runs">Number of runs: one, or one for each fold.</param>
/// <param name="Steps">Updates of a run.</param>
/// <param name="Batch">Videos or pairs of an update.</param>
/// <param name="Parameters">Trainable parameters.</param>
/// <param name="FlopsPerStep">Forward, backward and update, counted launch by launch.</param>
/// <param name="DeviceBytes">
/// All memory that the run allocates: weights with their bf16 copies, gradients, sums of accumulated gradients,
/// moments, activations, packed operands of products, input, and the same for the validation; on the CPU also the
/// batches that are read ahead, on a GPU the one that is copied ahead. The memory of the driver and its libraries is
/// not included: code, and 32 MiB for matrix products.
/// </param>
/// <param name="Memory">The parts of that memory.</param>
/// <param name="DiskBytes">
/// Size of a finished run: its checkpoints with moments, and the first, the best and the last weights.
/// </param>
public sealed record PlannedRuns(string Model, string Stage, int Runs, int Steps, int Batch, long Parameters, double FlopsPerStep, long DeviceBytes, PlannedMemory Memory, long DiskBytes)
{
    /// <summary>Refuses a run that needs more memory than the device has, before any memory is allocated.</summary>
    /// <param name="device">The device of the run.</param>
    /// <param name="sizes">Model and recipes.</param>
    /// <param name="pretraining">True for pretraining, false for finetuning.</param>
    /// <exception cref="DataException">The run needs more memory; the message has both sizes.</exception>
    internal static void RequireMemory(Device device, Preset sizes, bool pretraining)
    {
        PlannedRuns run;
        try
        {
            run = Count(sizes, pretraining, runs: 1, device.PacksProducts);
        }
        catch (DataException e)
        {
            string stage = pretraining ? "pretrain" : "finetune";
            throw new DataException($"{sizes.Model.Model} with {stage}.batch={(pretraining ? sizes.Pretrain : sizes.Finetune).Batch}: {e.Message}", e);
        }
        if (run.DeviceBytes > device.MemoryBytes)
        {
            throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{run.Model} {run.Stage} with {run.Parameters:N0} parameters and steps of {run.Batch} takes {run.DeviceBytes:N0} bytes of memory; {device.Name} has {device.MemoryBytes:N0}"));
        }
    }

    /// <summary>Counts runs of one stage: builds a step and a validation on a device without memory.</summary>
    /// <param name="sizes">Model and recipes.</param>
    /// <param name="pretraining">True for pretraining, false for finetuning.</param>
    /// <param name="runs">Number of runs.</param>
    /// <param name="packsProducts">
    /// True for the CPU: as in <see cref="CountingDevice"/>, and batches that are read ahead are in its memory.
    /// </param>
    /// <exception cref="DataException">The sizes do not fit a step.</exception>
    internal static PlannedRuns Count(Preset sizes, bool pretraining, int runs, bool packsProducts)
    {
        using var device = new CountingDevice(packsProducts);
        using var built = new BuiltStep(device, sizes, pretraining);
        using var validation = new Embedder(device, built.Model, sizes.Model, scoresTags: pretraining && sizes.Model.Tags > 0);
        long parameters = built.Model.Parameters.Count;
        built.Update();
        double flops = ((CountingStream)device.Stream).Total.Flops;
        if (packsProducts)
        {
            int parts = built.Training.GradientAccumulationSteps;
            Allocate(device, built.Stage.Shape, parts * Trainer.SlotsFor(parts, device.LoadingThreads));
            Allocate(device, validation.Shape, Embedder.SlotsFor(device.LoadingThreads));
        }
        int checkpoints = Math.Min(built.Training.SaveTotalLimit, (built.Training.Steps - 1) / built.Training.CheckpointEvery + 1);
        return new PlannedRuns(sizes.Model.Model, pretraining ? "pretrain" : "finetune", runs, built.Training.Steps, built.Training.UpdateBatch, parameters, flops,
            device.AllocatedBytes, built.Memory, (checkpoints * 3L + 3) * sizeof(float) * parameters);
    }

    private static void Allocate(Device device, BatchShape shape, int blocks)
    {
        for (int i = 0; i < blocks; i++)
            new BatchBlock(device, shape).Dispose();
    }
}
