using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Optimizers;

/// <summary>
/// Checks of <see cref="GradientNormKernels"/>: parameters below, at and above a chunk, one of many chunks, many
/// parameters; norms below and above the limit, and no limit.
/// </summary>
public static unsafe class GradientNormChecks
{
    private const int Chunk = GradientNormKernels.ChunkElements;

    private static readonly (string Name, int[] Sizes, float Limit)[] Settings =
    [
        ("one small parameter", [4], 0), ("two parameters below the limit", [16, 48], 100), ("a whole chunk above the limit", [Chunk], 1),
        ("a ragged chunk, then small ones", [Chunk + 4, 16, 2 * Chunk - 4], 0.5f), ("140 parameters", [.. Enumerable.Range(0, 140).Select(static i => 4 + 64 * (i % 5))], 1),
        ("a parameter of 65 chunks", [Chunk, 65 * Chunk], 10),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(GradientNormKernels.SumChunks, Cases), new(GradientNormKernels.SumParameters, Cases), new(GradientNormKernels.Finish, Cases) { OneBlock = true },
    ];

    private static IEnumerable<CheckCase> Cases() => Settings.Select(static setting => Case(setting.Name, setting.Sizes, setting.Limit));

    private static CheckCase Case(string name, int[] sizes, float limit)
    {
        List<int> starts = [0], firsts = [0];
        foreach (int size in sizes)
        {
            int end = starts[^1] + size;
            while (starts[^1] < end)
                starts.Add(Math.Min(end, starts[^1] + Chunk));
            firsts.Add(starts.Count - 1);
        }
        var builder = new CheckBuilder(seed: 29);
        var gradients = builder.Input("gradients", starts[^1]);
        var (chunkStarts, firstChunks) = (builder.Integers("chunkStarts", [.. starts]), builder.Integers("firstChunks", [.. firsts]));
        var (chunkSums, parameterSums) = (Float64("chunkSums", starts.Count - 1), Float64("parameterSums", sizes.Length));
        var norm = builder.Output("norm", 2);
        return builder.Build($"{name}, limit {limit}", launcher =>
        {
            var args = new GradientNormArgs
            {
                Gradients = gradients.Floats, ChunkStarts = chunkStarts.Ints, FirstChunks = firstChunks.Ints, ChunkSums = (double*)chunkSums.Address,
                ParameterSums = (double*)parameterSums.Address, Norm = norm.Floats, Count = starts[^1], Chunks = starts.Count - 1, Parameters = sizes.Length, Limit = limit,
            };
            launcher.Run(GradientNormKernels.SumChunks, args);
            launcher.Run(GradientNormKernels.SumParameters, args);
            launcher.Run(GradientNormKernels.Finish, args);
        }, new Reference(limit), factor: 2);

        CheckBuffer Float64(string name, int count) => builder.Workspace(name, (long)count * sizeof(double) / sizeof(float));
    }

    private sealed class Reference(float limit) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] g = values["gradients"], norm = values["norm"];
            int[] starts = values.Ints("chunkStarts"), firsts = values.Ints("firstChunks");
            T[] chunks = [.. starts[1..].Select((end, c) => g[starts[c]..end].Aggregate(T.Zero, static (sum, value) => sum + value * value))];
            var parameters = firsts[1..].Select((end, p) => chunks[firsts[p]..end].Aggregate(T.Zero, static (sum, value) => sum + value));
            norm[0] = T.Sqrt(parameters.Aggregate(T.Zero, static (sum, value) => sum + value));
            norm[1] = limit > 0 ? T.Min(T.One, T.CreateChecked(limit) / (norm[0] + T.CreateChecked(GradientNormKernels.Epsilon))) : T.One;
        }
    }
}
