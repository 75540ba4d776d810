using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class SuggestionTests
{
    private static readonly string[] Known =
        ["pretrain", "finetune", "evaluate", "embed", "export", "--batch-size", "--learning-rate", "--encoder-learning-rate", "--num-train-epochs", "--max-steps", "--warmup-steps", "steps", "batch", "log_every"];

    [Theory]
    [InlineData("pretrian", "pretrain")] // neighbours swapped: one error
    [InlineData("pretain", "pretrain")]
    [InlineData("Pretrain", "pretrain")]
    [InlineData("finetunee", "finetune")]
    [InlineData("--batch_size", "--batch-size")]
    [InlineData("--learning-rates", "--learning-rate")]
    [InlineData("--epochs", "--num-train-epochs")] // a word of one name
    [InlineData("step", "steps")]
    [InlineData("logevery", "log_every")]
    [InlineData("embde", "embed")]
    [InlineData("x", null)]
    [InlineData("", null)]
    [InlineData("--size-of-nothing", null)]
    [InlineData("--warmup", "--warmup-steps")]
    [InlineData("--total-max-steps", "--max-steps")] // has the words of one name
    [InlineData("steps_in_all", null)] // one common word is no reason
    [InlineData("--max-stpes", "--max-steps")]
    [InlineData("--max-strategy", null)] // only the beginning is the same
    [InlineData("--", null)]
    [InlineData("e", null)]
    public void For_AMistypedName_IsTheNearest(string given, string? expected) => Assert.Equal(expected, Suggestion.For(given, Known));

    [Theory]
    [InlineData("abcdef", "abcdxy", true)] // two of six
    [InlineData("abcde", "abcxy", false)] // two of five
    [InlineData("ab", "ba", false)]
    [InlineData("abc", "acb", true)]
    public void For_ErrorsOfAName_AreOneForThreeLetters(string given, string known, bool near) =>
        Assert.Equal(near ? known : null, Suggestion.For(given, [known]));

    [Fact]
    public void For_TwoEquallyNearOrTwoWithTheWord_TakesTheFirstOrNone()
    {
        Assert.Equal("cat", Suggestion.For("cut", ["cat", "cot"]));
        Assert.Null(Suggestion.For("batchsize", ["batch", "steps"]));
        Assert.Null(Suggestion.For("--model-ema", ["--model", "--data"]));
        Assert.Null(Suggestion.For("--", ["steps"]));
        Assert.Null(Suggestion.For("steps", ["--max-steps", "--warmup-steps"]));
        Assert.Null(Suggestion.For(new string('a', 65), [new string('a', 65)]));
        Assert.Equal("; did you mean 'cat'?", Suggestion.Text("cut", ["cat"]));
        Assert.Equal("", Suggestion.Text("dog", ["cat"]));
    }
}
