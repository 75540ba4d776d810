using System.Diagnostics;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Embedding;
using VideoSim.Kernels.GatherRows;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Models.Tests;

/// <summary>One launch that draws a dropout mask.</summary>
/// <param name="Family">Family of the kernel.</param>
/// <param name="Site">Which use of random numbers.</param>
/// <param name="Seed">Key.</param>
/// <param name="Probability">Chance to drop.</param>
internal readonly record struct Draw(string Family, uint Site, ulong Seed, float Probability);

/// <summary>What the launches of Adam in one update are given.</summary>
/// <param name="Epsilon">Adam's.</param>
/// <param name="Step">Number of the update, from 0.</param>
/// <param name="Rates">Of the two groups of parameters.</param>
/// <param name="Planned">Whether it comes from a plan; otherwise from the step's own code.</param>
internal readonly record struct Update(float Epsilon, uint Step, (float Encoder, float Others) Rates, bool Planned);

/// <summary>A batch that was embedded.</summary>
/// <param name="Tokens">Its token ids [B, T].</param>
/// <param name="Planned">As of <see cref="Update"/>.</param>
internal sealed record Embedded(int[] Tokens, bool Planned);

/// <summary>
/// Records the random numbers, reads and updates of launches. A stream of the CPU behind it runs them, if there is
/// one.
/// </summary>
internal sealed unsafe class NotingStream(ComputeStream? inner = null) : ComputeStream
{
    /// <summary>Masks that are really drawn, in order: nothing is dropped where the chance is 0.</summary>
    public List<Draw> Draws { get; } = [];

    /// <summary>Updates, in order; scalars are read only where the launch runs.</summary>
    public List<Update> Updates { get; } = [];

    /// <summary>Every batch that was embedded, in order; of launches that run.</summary>
    public List<Embedded> Batches { get; } = [];

    /// <summary>Masked tokens of every batch that has some, in order; of launches that run.</summary>
    public List<int> MaskedTokens { get; } = [];

    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        if (kernel.Layout.Parts.Any(static part => part.Name == nameof(DropoutSite)))
        {
            var site = *(DropoutSite*)((byte*)args + kernel.Layout.Offsets.Single(static field => field.Name == "Dropout").Offset);
            if (site.DropProbability > 0)
                Draws.Add(new Draw(kernel.Family, site.Site, site.Seed, site.DropProbability));
        }
        if (kernel == AdamKernels.Update)
        {
            var update = (AdamArgs*)args;
            var noted = inner is null ? new Update(update->Epsilon, 0, default, Planned: true)
                : new Update(update->Epsilon, update->Parameters.Scalars->Step, (update->Parameters.Scalars->Rates[0], update->Parameters.Scalars->Rates[1]), IsPlanned());
            if (Updates.Count == 0 || Updates[^1] != noted) // an update has several launches, all alike
                Updates.Add(noted);
        }
        if (inner is null)
            return;
        if (kernel == EmbeddingKernels.Forward[ElementType.Float32])
        {
            var tokens = (EmbeddingForwardArgs*)args;
            Batches.Add(new Embedded(new Span<int>(tokens->Ids, tokens->B * tokens->T).ToArray(), IsPlanned()));
        }
        if (kernel == GatherRowsKernels.Forward[ElementType.Float32])
        {
            var rows = (GatherRowsArgs*)args;
            MaskedTokens.Add(new Span<int>(rows->Positions, rows->Rows).ToArray().Count(position => position < rows->B * rows->T));
        }
        inner.Launch(kernel, args, bytes);
    }

    public override void Synchronize() => inner?.Synchronize();

    // Eager and planned steps launch the same kernels on the same arguments: only who calls tells them apart.
    private static bool IsPlanned() => new StackTrace().GetFrames().Any(static frame => frame.GetMethod()?.DeclaringType == typeof(PlanStream));
}
