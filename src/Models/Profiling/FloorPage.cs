using System.Globalization;
using System.Text;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Profiling;

/// <summary>Writes <c>docs/kernels/floors.md</c>: what every kernel of the bf16 steps moves, against what has to be moved.</summary>
public static class FloorPage
{
    // What the design's arithmetic gives for a whole step, with fused activations: GB of everything but products and Adam, GB of Adam at 30 bytes a
    // parameter, and 10^12 FLOPs. It takes 3.0 TB/s where it says milliseconds.
    private static readonly (string Model, bool Pretraining, double Kernels, double Adam, double Flops)[] DesignedSteps =
    [
        ("mix", true, 5.46, 6.20, 5.07), ("mix-roformer", true, 5.46, 6.88, 5.07), ("uniter", true, 7.83, 3.18, 8.66), ("uniter-roformer", true, 6.57, 3.86, 7.23),
        ("mix", false, 5.46, 6.20, 5.07), ("uniter", false, 7.68, 3.18, 8.53), ("uniter-roformer", false, 6.72, 3.86, 7.46),
    ];

    /// <summary>All steps of the published sizes in bf16.</summary>
    public static IReadOnlyList<CountedStep> CountSteps() => CountedStep.Of("reference", ModelZoo.Names, [], [Precision.BFloat16]);

    /// <summary>The page.</summary>
    /// <param name="steps">The steps that it is about.</param>
    public static string Text(IReadOnlyList<CountedStep> steps) => $"""
        # Bytes and FLOPs against their floors

        Written by `videosim kernels floors > docs/kernels/floors.md`; a test holds it to the code.

        **Floor**: each tensor that goes into a function read once and each that comes out written once, in the types in which they are kept, from the sizes of the
        step alone. **Moved**: what the kernels' cost functions count for the arguments of the launch, partial sums included. By design no function moves more than
        {KernelFloor.Allowed.ToString(CultureInfo.InvariantCulture)} times its floor. What several kernels compute together is one function, with one floor; its parts, where shown, are not judged alone. Every kernel that a bf16
        step of the six models launches is here, with its largest launch. Not measured: this is arithmetic.

        {Sizes(steps)}

        ## Kernels

        {Kernels(steps)}

        Notes

        - Partial sums are the price of results that do not depend on the order of blocks: each chunk of rows, or each video, leaves its sum, and a second kernel adds
          them up. The second kernel is counted with the first.
        - NeXtVLAD forward keeps the undropped descriptor for backward beside the dropped one that the product reads: dropout hides from backward what
          it zeroed, one value in five. Making it again in backward reads the hidden values a second time, twice the bytes of writing and reading the descriptor.
          Keeping only what was dropped would save 23 MB in both directions together, and take a prefix sum over masks in each; it was left. The pair is judged.
        - Batch normalisation reads its input twice, for sums and to normalise: the sums of a whole column lie between, and the tensors are larger than what a
          device keeps. Each reading has a floor of its own.
        - The three gradients of the embeddings read dY once each: one kernel for all three would save two readings, 25 MB of a step's thousands.
        - Tag logits are fp32. In bf16 the loss of one head would move 10.6 MB rather than 20.8.

        ## Whole steps

        Bytes in 10^9 of everything but matrix products, against those of the design for fused kernels: 25 U a layer (attention 4 + 7, LayerNorm 2 x (3 + 4)), NeXtVLAD
        1.5 GB and the ends of the model; Adam 30 bytes a parameter. FLOPs in 10^12, of everything.

        {WholeSteps(steps)}

        - Activations: the design has GELU in the epilogue of the product before it. cuBLASLt knows another GELU than the models', so ours is a kernel: 4 bytes forward
          and 6 backward for each of the B S I values of a layer.
        - Mix is below the design: its last layer computes one position of each video, which the design does not count, and NeXtVLAD with what belongs to it moves
          1.0 GB. Mix-roformer computes all positions, and the gradient of its word table is 0.15 GB.
        - Uniter is above it by partial sums (0.2 GB in attention and LayerNorm), and by frames, joint sequence, pooling and the sums of biases' gradients as kernels of their own.

        """;

    private static string Sizes(IReadOnlyList<CountedStep> steps)
    {
        var same = steps[0].Sizes;
        var text = new StringBuilder(FormattableString.Invariant($"""
            C = {same.C}, I = {same.I}, P = {same.P}, T = {same.T}, F = {same.F}, W = {same.W}, E = {same.E}, G = {same.G}, K = {same.K}, D = {same.D}, N = {same.N}, Z = {same.Z}, Tags = {same.Tags}; U = 2 B S C, a tensor of the encoder:

            | step | B | S | V | M | parameters | U, MB |
            |---|--:|--:|--:|--:|--:|--:|

            """));
        foreach (var step in steps)
            text.AppendLine(FormattableString.Invariant($"| {step.Kind} | {step.Sizes.B} | {step.Sizes.S} | {step.Sizes.V} | {step.Sizes.M} | {step.Sizes.Parameters:N0} | {step.Sizes.U / 1e6:N2} |"));
        return text.ToString().TrimEnd();
    }

    private static string Kernels(IReadOnlyList<CountedStep> steps)
    {
        var text = new StringBuilder("""
            | kernels | step | what has to be moved | floor, bytes | floor, MB | moved, MB | ratio | MFLOP | why more |
            |---|---|---|---|--:|--:|--:|--:|---|

            """);
        foreach (var row in FloorRow.Of(steps))
        {
            text.AppendLine(FormattableString.Invariant($"| {string.Join("<br>", row.Floor.Kernels.Select(static kernel => $"`{kernel}`"))} | {row.Step.Kind} | {row.Floor.Tensors} | `{row.Floor.Formula}` | ")
                + FormattableString.Invariant($"{Megabytes(row.NecessaryBytes)} | {Megabytes(row.Moved.MovedBytes)} | {(row.Floor.IsPart ? "part, " : "")}{row.Ratio:F3} | {Megabytes(row.Moved.Flops)} | {row.Floor.Why} |"));
        }
        return text.ToString().TrimEnd();
    }

    private static string WholeSteps(IReadOnlyList<CountedStep> steps)
    {
        var text = new StringBuilder("""
            | step | attention, LayerNorm | design | activations | others | all but activations | design | Adam | design | FLOPs | design |
            |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|

            """);
        foreach (var design in DesignedSteps)
        {
            var step = steps.Single(step => step.Kind.Model == design.Model && step.Kind.Pretraining == design.Pretraining);
            double fused = Bytes(step, "attention", "layernorm"), activations = Bytes(step, "activation"), adam = Bytes(step, "adam");
            double all = step.Sum(static launch => !launch.IsProduct).MovedBytes - adam;
            text.AppendLine(FormattableString.Invariant($"| {step.Kind} | {Gigabytes(fused)} | {Gigabytes(25 * 12 * step.Sizes.U)} | {Gigabytes(activations)} | {Gigabytes(all - activations - fused)} | {Gigabytes(all - activations)} | {design.Kernels:N2} | {Gigabytes(adam)} | {design.Adam:N2} | {step.Sum(static _ => true).Flops / 1e12:N2} | {design.Flops:N2} |"));
        }
        return text.ToString().TrimEnd();
    }

    private static double Bytes(CountedStep step, params string[] families) => step.Sum(launch => families.Contains(launch.Kernel.Family)).MovedBytes;

    private static string Megabytes(double bytes) => (bytes / 1e6).ToString("N2", CultureInfo.InvariantCulture);

    private static string Gigabytes(double bytes) => (bytes / 1e9).ToString("N2", CultureInfo.InvariantCulture);
}
