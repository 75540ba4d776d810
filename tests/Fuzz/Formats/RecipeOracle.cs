using System.Globalization;
using System.Text.Json;
using VideoSim.Models.Recipes;

namespace VideoSim.Fuzz.Formats;

/// <summary>Rules of a preset with overrides.</summary>
internal static class RecipeOracle
{
    /// <summary>Fails unless the last override of each key is in the preset, and all numbers are finite.</summary>
    public static void Check(Preset preset, IReadOnlyList<Override> overrides)
    {
        var values = PresetKeys.ValuesOf(preset).ToDictionary(static one => one.Key.Path, static one => one.Value);
        var types = PresetKeys.All.ToDictionary(static key => key.Path, static key => key.Type);
        foreach (var one in overrides.GroupBy(static one => one.Key).Select(static same => same.Last()))
        {
            var value = values[one.Key];
            if (value.GetValueKind() != JsonValueKind.Number)
            {
                Expect.Equal(one.Text, new Override("", "", value, "").Text, $"value of {one.Key}");
                continue;
            }
            double read = double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture), asked = double.Parse(one.Text, CultureInfo.InvariantCulture);
            // Numbers that are not whole may be float32.
            Expect.That(read == asked || (types[one.Key] != typeof(int) && (float)read == (float)asked), $"value of {one.Key}", one.Text);
        }
    }
}
