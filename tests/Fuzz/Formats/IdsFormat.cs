using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Submissions;

namespace VideoSim.Fuzz.Formats;

/// <summary>The ids beside a matrix of embeddings. The matrix has a row for each line.</summary>
internal sealed class IdsFormat() : Format("ids", "e.ids.txt", "NumpyEmbeddings: the ids of a .npy file")
{
    public override IEnumerable<byte[]> Seeds() => ["a\nb c\n三\n"u8.ToArray(), "\uFEFF1\r\n2\r\n"u8.ToArray(), " x \ny"u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        // Lines as bytes: the text may be wrong.
        int rows = input.AsSpan().TrimEnd("\t\r\n"u8).Count((byte)'\n') + 1;
        string matrix = Path.ChangeExtension(Path.ChangeExtension(path, null), ".npy");
        File.WriteAllBytes(matrix, NumpyFile.Of(NumpyFile.Header("<f2", rows, 1), new byte[2 * rows]));
        var table = SubmissionFile.Read(matrix, threads: 1);
        Expect.Items<string>(PlainLines.Of(input, "\t\r").ToArray(), table.Ids.ToArray(), "ids");
        using var source = EmbeddingSource.Open(matrix);
        Expect.Items<string>(table.Ids.ToArray(), source.Ids.ToArray(), "ids of a source");
    }
}
