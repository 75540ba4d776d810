using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

public class FoldsTests
{
    private const int ChallengePairs = 67_899;

    // docs/reference-system.md, section 12, item 10: hashes and beginnings of the lists that CPython makes.
    [Theory]
    [InlineData(1, "7a9a9e1b9dab53be02c3f8ac44583e9f1ae12799", new[] { 59371, 19008, 4289, 55477, 10293 })]
    [InlineData(2, "a57ce71a5f25532f3fc89da2fcc62207f3934883", new[] { 10760, 34115, 48940, 67377, 62439 })]
    [InlineData(11, "96c15885108cc477de46ce87d27589c3cd8a6f60", new[] { 40704, 62118, 12484, 58850, 27544 })]
    public void Make_ChallengeSize_TrainsOnTheReferencesList(int number, string sha1, int[] first)
    {
        var fold = Folds.Make(ChallengePairs, number);
        Assert.Equal(first, fold.Train[..5]);
        Assert.Equal(sha1, Sha1(fold.Train));
    }

    [Fact]
    public void Make_ChallengeSize_ValidatesOnTheReferencesLists()
    {
        var folds = Enumerable.Range(1, Folds.Count).Select(number => Folds.Make(ChallengePairs, number)).ToArray();
        Assert.All(folds, fold => Assert.Equal((6_000, 61_899), (fold.Validation.Length, fold.Train.Length)));
        Assert.Equal([38732, 43589, 23904, 56643, 20334, 35291, 50922, 3740, 44578, 29145], folds[0].Validation[..10]);
        Assert.Equal(58933, folds[1].Validation[0]);

        // The pieces, with the remainder behind them, are the shuffled list. The remainder is in every training list:
        // the lines that no fold validates.
        int[] validated = folds.SelectMany(fold => fold.Validation).ToArray();
        int[] remainder = Enumerable.Range(0, ChallengePairs).Except(validated).ToArray();
        Assert.Equal(66_000, validated.Distinct().Count());
        Assert.Equal(1_899, remainder.Length);
        Assert.Superset(new HashSet<int>([34995, 29256, 32098, 36048, 3278, 14592]), remainder.ToHashSet());
    }

    [Fact]
    public void Shuffle_ChallengeSize_IsTheReferencesList()
    {
        int[] shuffled = Enumerable.Range(0, ChallengePairs).ToArray();
        new MersenneTwister(42).Shuffle(shuffled);
        Assert.Equal("d26ceea29513587d146e0e97f28fa848ce4b71bb", Sha1(shuffled));
        Assert.Equal([29256, 32098, 36048, 3278, 14592], shuffled[^5..]);
        Assert.Equal(34995, shuffled[66_000]);
    }

    [Theory]
    [InlineData(11, 1)]
    [InlineData(12, 1)]
    [InlineData(65_999, 5_999)]
    [InlineData(66_000, 6_000)]
    [InlineData(100_000, 6_000)]
    public void Make_AnySize_SplitsAllPairs(int pairs, int validation)
    {
        Assert.Equal(validation, Folds.ValidationSize(pairs));
        foreach (int number in (int[])[1, 6, 11])
        {
            var fold = Folds.Make(pairs, number);
            Assert.Equal(validation, fold.Validation.Length);
            Assert.Equal(Enumerable.Range(0, pairs), fold.Train.Concat(fold.Validation).Order());
        }
    }

    [Fact]
    public void Parse_NumbersAndTheReferencesNames_AreFolds()
    {
        Assert.Equal([1, 11, 1, 2, 11], new[] { "1", "11", "0-5999val", "6000-11999val", "60000-65999val" }.Select(Folds.Parse));
        foreach (string name in new[] { "0", "12", "1.0", "0-6000val", "" })
            Assert.Contains($"no fold '{name}'", Assert.Throws<DataException>(() => Folds.Parse(name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Make_TooFewPairsOrNoSuchFold_Throws()
    {
        Folds.Require("f", 11);
        Assert.Equal("f: 11 folds need 11 labelled pairs, and the file has 10", Assert.Throws<DataException>(() => Folds.Require("f", 10)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Folds.Make(10, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Folds.Make(100, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Folds.Make(100, 12));
    }

    [SuppressMessage("Security", "CA5350", Justification = "The lists are given as SHA-1; nothing is secured by it.")]
    private static string Sha1(int[] lines) =>
        Convert.ToHexStringLower(SHA1.HashData(Encoding.ASCII.GetBytes(string.Join(',', lines))));
}
