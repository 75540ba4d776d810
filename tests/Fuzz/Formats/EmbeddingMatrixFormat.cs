using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Submissions;

namespace VideoSim.Fuzz.Formats;

/// <summary>Matrices of embeddings for NumPy, with the ids beside them.</summary>
internal sealed class EmbeddingMatrixFormat() : Format("npy", "e.npy", "NumpyMatrix, EmbeddingSource: --embeddings, ensemble, search")
{
    private const int Rows = 3;

    public override IEnumerable<byte[]> Seeds() =>
    [
        NumpyFile.Of(NumpyFile.Header("<f4", Rows, 2), MemoryMarshal.AsBytes<float>([1, 2, 3, -4, 5, 6.5f])), NumpyFile.Of(NumpyFile.Header("<f2", Rows, 1), MemoryMarshal.AsBytes<Half>([(Half)1, (Half)(-2), (Half)0.5])),
        NumpyFile.Of(NumpyFile.Header("<f8", Rows, 1), MemoryMarshal.AsBytes<double>([1e30, 0.1, -0.0]), version: 2),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => NumpyFile.Mutate(mutator, input);

    public override void Prepare(string folder) => File.WriteAllText(Path.Combine(folder, "e.ids.txt"), "a\nb c\n三\n");

    public override void Read(string path, byte[] input)
    {
        var table = SubmissionFile.Read(path, threads: 1);
        var expected = NumpyFile.Read(input) ?? throw new WrongValueException("a wrong header was taken", Encoding.Latin1.GetString(input.AsSpan(0, Math.Min(200, input.Length))));
        Expect.Items<long>([Rows, table.Width], expected.Shape, "shape");
        Expect.Equal(expected.Start + (long)Rows * table.Width * (expected.Type[2] - '0'), input.Length, "size of the file");
        SubmissionOracle.Same(["a", "b c", "三"], [.. Enumerable.Range(0, Rows).Select(row => Enumerable.Range(row * table.Width, table.Width).Select(i => expected.Value(input, i)).ToArray())], table);
        using var source = EmbeddingSource.Open(path);
        double[] values = new double[Rows * table.Width];
        source.Read(0, values);
        for (int row = 0; row < Rows; row++)
            Expect.Items(table[row], values.AsSpan(row * table.Width, table.Width), "values of a part");
    }
}
