using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Recipes;

namespace VideoSim.Fuzz.Formats;

/// <summary>Texts of --set, one a line.</summary>
internal sealed class SetFormat() : Format("set", "set.txt", "Override, Preset.Load: --set and options with a value of a preset")
{
    public override bool NamesFile => false;

    public override IEnumerable<byte[]> Seeds() =>
        ["pretrain.batch=8"u8.ToArray(), "model.encoder.hidden_size=32\npretrain.rate=.5"u8.ToArray(), "finetune.on_nan=stop\nmodel.even_frames=true"u8.ToArray(), "pretrain.losses.margin=0.1"u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        Override[] overrides = [.. Encoding.UTF8.GetString(input).Split('\n').Select(Override.FromString)];
        var preset = Preset.Load("micro", "mix", overrides);
        RecipeOracle.Check(preset, overrides);
    }
}
