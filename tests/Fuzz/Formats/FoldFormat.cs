using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Batches;

namespace VideoSim.Fuzz.Formats;

/// <summary>Numbers and names of folds.</summary>
internal sealed class FoldFormat() : Format("fold", "fold.txt", "Folds.Parse: --fold")
{
    public override bool NamesFile => false;

    public override IEnumerable<byte[]> Seeds() => ["1"u8.ToArray(), "11"u8.ToArray(), "6000-11999val"u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        int fold = Folds.Parse(text);
        Expect.That(text == $"{fold}" || text == $"{6000 * (fold - 1)}-{6000 * fold - 1}val", "a fold of another name was taken", text);
    }
}
