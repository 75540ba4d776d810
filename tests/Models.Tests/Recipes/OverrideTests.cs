using VideoSim.Engine;
using VideoSim.Models.Recipes;
using Xunit;

namespace VideoSim.Models.Tests.Recipes;

public sealed class OverrideTests
{
    [Theory]
    [InlineData("pretrain.rate=.5", 0.5)]
    [InlineData("pretrain.rate=5.e-1", 0.5)]
    [InlineData("pretrain.rate=+1", 1)]
    [InlineData("pretrain.rate=1E-3", 0.001)]
    public void Load_ANumberInAnySpelling_IsThatNumber(string text, double rate) => Assert.Equal(rate, Preset.Load("micro", "mix", [text]).Pretrain.Rate);

    [Theory]
    [InlineData("pretrain.steps=ten", "--set pretrain.steps takes a whole number, not \"ten\"")]
    [InlineData("pretrain.steps=1.5", "--set pretrain.steps takes a whole number, not 1.5")]
    [InlineData("pretrain.steps=", "--set pretrain.steps takes a whole number, not \"\"")]
    [InlineData("pretrain.rate=NaN", "--set pretrain.rate takes a number, not \"NaN\"")]
    [InlineData("pretrain.rate=0,5", "--set pretrain.rate takes a number, not \"0,5\"")]
    [InlineData("pretrain.batch=0", "--set pretrain.batch must be from 1 to 65536, not 0")]
    [InlineData("model.even_frames=1", "--set model.even_frames takes true or false, not 1")]
    [InlineData("pretrain.step=1", "--set pretrain.step: there is no key 'step'; did you mean 'pretrain.steps'?")]
    [InlineData("steps=1", "--set steps: there is no key 'steps'; did you mean 'pretrain.steps'?")]
    [InlineData("pretrain.weight=1", "--set pretrain.weight: there is no key 'weight'; did you mean 'pretrain.weight_decay'?")]
    [InlineData("pretrain.steps.x=1", "--set pretrain.steps.x: there is no key 'x'; pretrain.steps has a value and no further keys")]
    [InlineData("folds=12", "--set folds must be from 1 to 11, not 12")]
    [InlineData("=5", "--set needs key=value, not '=5'")]
    public void Load_AMistake_NamesTheKeyAndTheKind(string text, string message) =>
        Assert.Equal(message, Assert.Throws<DataException>(() => Preset.Load("micro", "mix", [text])).Message);

    [Fact]
    public void Load_OfAnOption_NamesTheOption()
    {
        Assert.Equal("--batch-size takes a whole number, not \"many\"", Message(Override.OfOption("--batch-size", "pretrain.batch", "many")));
        Assert.Equal("--batch-size must be from 1 to 65536, not 0", Message(Override.OfOption("--batch-size", "pretrain.batch", "0")));

        static string Message(Override one) => Assert.Throws<DataException>(() => Preset.Load("micro", "mix", [one])).Message;
    }

    [Fact]
    public void Load_SeveralOfOneKey_TakesTheLast()
    {
        Override[] overrides = [Override.OfFile("f.json", "pretrain.batch", 2), "pretrain.batch=3", "pretrain.rate=0.1", Override.OfOption("--batch-size", "pretrain.batch", "5"), "finetune.precision=fp32"];
        Assert.Equal(5, Preset.Load("micro", "mix", overrides).Pretrain.Batch);
        Assert.Equal(["finetune.precision=fp32", "pretrain.batch=5", "pretrain.rate=0.1"], Override.Effective(overrides));
        Assert.Equal(["--batch-size=5 is used, not f.json: pretrain.batch=2", "--batch-size=5 is used, not --set pretrain.batch=3"], Override.Replaced(overrides));
        // Equal values are no news, and neither are two of one source.
        Assert.Empty(Override.Replaced(["pretrain.batch=3", "pretrain.batch=4", Override.OfOption("--batch-size", "pretrain.rate", "4")]));
        Assert.Empty(Override.Replaced(["pretrain.batch=4", Override.OfOption("--batch-size", "pretrain.batch", "4")]));
    }
}
