using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using Xunit;

namespace VideoSim.Models.Tests.Configuration;

/// <summary>Every key has a line in the tables, and every line is a key.</summary>
public sealed class ConfigKeysTests
{
    [Theory]
    [InlineData(typeof(ModelConfig), "encoder")]
    [InlineData(typeof(EncoderConfig))]
    [InlineData(typeof(TrainingConfig), "losses")]
    [InlineData(typeof(LossConfig))]
    public void Of_EveryConfiguration_HasItsKeysAndNoOthers(Type type, params string[] sections)
    {
        var properties = ConfigurationJson.Default.GetTypeInfo(type)!.Properties.Where(static property => property.Get is not null).ToDictionary(static property => property.Name, static property => property.PropertyType);
        var keys = ConfigKeys.Of(type);
        Assert.Equal(properties.Keys.Except(sections).Order(), keys.Select(static key => key.Name).Order());
        foreach (var key in keys)
        {
            Assert.True(key.Unit.Length > 0 && key.Meaning.Length > 0, key.Name);
            Assert.False(key.Meaning.EndsWith('.'), key.Meaning);
            // A value is a number in a range, one of a list, or true or false. The model's name has its own option.
            Assert.Equal(properties[key.Name] == typeof(bool) || key.Name == "model" ? 0 : 1, (key.Range is not null ? 1 : 0) + (key.Choices.Count > 0 ? 1 : 0));
        }
    }

    // The order of the keys is that of args.json, so that a list and a file can be compared by eye.
    [Fact]
    public void Training_Order_IsThatOfTheFile() =>
        Assert.Equal(ConfigurationJson.Default.TrainingConfig.Properties.Where(static property => property.Get is not null).Select(static property => property.Name).Where(static name => name != "losses"), ConfigKeys.Training.Select(static key => key.Name));

    [Fact]
    public void All_KeysOfAPreset_AreThoseOfItsSections() =>
        Assert.Equal(1 + ConfigKeys.Model.Count + ConfigKeys.Encoder.Count + 2 * (ConfigKeys.Training.Count + ConfigKeys.Losses.Count), PresetKeys.All.Count);

    [Theory]
    [InlineData(1, 64, false, false, "from 1 to 64")]
    [InlineData(0, 1, false, true, "at least 0 and below 1")]
    [InlineData(0, 1, true, true, "above 0 and below 1")]
    [InlineData(0, 1, true, false, "above 0 and at most 1")]
    [InlineData(0, ValueRange.Unlimited, false, false, "at least 0")]
    [InlineData(0, ValueRange.Unlimited, true, false, "above 0")]
    public void Range_InWords_SaysWhichEndsAreIn(double least, double most, bool leastOpen, bool mostOpen, string words)
    {
        var range = new ValueRange(least, most, leastOpen, mostOpen);
        Assert.Equal(words, range.ToString());
        Assert.Equal((!leastOpen, !mostOpen), (range.Contains(least), range.Contains(most)));
        Assert.False(range.Contains(double.NaN) || range.Contains(double.PositiveInfinity) || range.Contains(-1));
    }
}
