using System.Text;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Reports;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// One file in the folder of a run, beside valid other files. The report reads it: what it cannot use is left out with
/// a note, so notes count as a refusal.
/// </summary>
/// <param name="name">Name of the format.</param>
/// <param name="file">Name of the file.</param>
/// <param name="reader">The other code that reads it.</param>
/// <param name="check">Reads the file in the other ways, and compares the report's record with it.</param>
internal sealed class RunFileFormat(string name, string file, string reader, Action<string, byte[], RunRecord> check) : Format(name, file, $"RunReader (report); {reader}")
{
    // What these say has to do with no other file. Without the others, reading takes half the time.
    private static readonly string[] Alone = ["environment.json", "inputs.json", "embeddings.json"];

    private readonly string _file = file;

    public override IEnumerable<byte[]> Seeds() => [Encoding.UTF8.GetBytes(RunFiles.All[_file])];

    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        if (_file.EndsWith(".json", StringComparison.Ordinal))
            return mutator.Json(input);
        if (!_file.EndsWith(".jsonl", StringComparison.Ordinal) || mutator.OneIn(3))
            return mutator.Lines(input);
        int start = mutator.Random.Next(input.Length + 1);
        start = input.AsSpan(0, start).LastIndexOf((byte)'\n') + 1;
        int end = input.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var length ? start + length : input.Length;
        return Mutator.Replace(input, start, end - start, mutator.Json(input[start..end]));
    }

    public override void Prepare(string folder) => RunFiles.Write(folder, Alone.Contains(_file) ? ["args.json", _file] : RunFiles.All.Keys);

    public override void Read(string path, byte[] input)
    {
        string folder = Path.GetDirectoryName(path)!;
        var notes = new List<string>();
        var record = RunReader.Read(folder, notes);
        foreach (string note in notes)
        {
            if (Execution.FaultOf(note) is { } fault)
                throw new WrongValueException(fault, note);
        }
        foreach (var (key, curve) in record.Curves)
            Expect.That(curve.Values.All(double.IsFinite) && curve.Values.Count == curve.Steps.Count && curve.Steps.All(static step => step >= 0), $"a curve has a value that is not finite", key);
        check(folder, input, record);
        // The score of the pairs is never that of the metrics.
        if (notes.Find(static note => !note.Contains("its pairs score", StringComparison.Ordinal)) is { } refusal)
            throw new DataException(refusal);
    }
}
