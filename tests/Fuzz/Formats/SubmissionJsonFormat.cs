using System.Text;
using VideoSim.Fuzz.Mutation;

namespace VideoSim.Fuzz.Formats;

/// <summary>The JSON of embeddings, compared with JsonDocument.</summary>
internal sealed class SubmissionJsonFormat() : Format("submission-json", "result.json", "SubmissionJsonReader: --embeddings, ensemble, search")
{
    // More than the reader's buffer.
    public override int MostBytes => 1 << 17;

    public override IEnumerable<byte[]> Seeds() =>
    [
        """{"1":[0.5,-1,1e-3],"2":[1,2,3]}"""u8.ToArray(), """{ "video \u00e9 \"x\"" : [ 1.5 ] , "三": [ -2e10 ] }"""u8.ToArray(), [(byte)'{', .. Enumerable.Range(0, 40).SelectMany(static i => Encoding.ASCII.GetBytes($"{(i == 0 ? "" : ",")}\"{i}\":[{string.Join(',', Enumerable.Range(0, 256))}]")), (byte)'}'],
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Read(string path, byte[] input) => SubmissionOracle.SameAsJson(input, SubmissionOracle.Read(path));
}
