using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>A model's titles are cut up with one dictionary, from its training on.</summary>
[Collection(nameof(CommandTests))]
public sealed class JiebaDictTests(CommandWorld world)
{
    private static string[] Pretrain(string data, string output, string dictionary) =>
        [.. CommandWorld.Pretrain(data, output, "--model", "mix-roformer"), "--jieba-dict", dictionary];

    private string Dictionary(string content)
    {
        string path = world.New() + ".txt";
        File.WriteAllText(path, content);
        return path;
    }

    [Fact]
    public void Embed_OtherDictionaryThanInTraining_IsRefused()
    {
        string output = world.New(), last = Path.Combine(output, "last"), dictionary = Dictionary("天地 3\n玄黄 1\n"), videos = Path.Combine(world.Data, "pairwise");
        Shell.Run(Pretrain(world.Data, output, dictionary)).AssertDone();
        string[] embed = CommandWorld.Embed(last, videos, world.New() + ".zip");

        Shell.Run(embed).AssertFailed(1, Path.Combine(last, "tokenizer_config.json"), "another jieba dictionary", "--jieba-dict");
        Shell.Run([.. embed, "--jieba-dict", Dictionary("天地 3\n玄黄 2\n")]).AssertFailed(1, last, "another jieba dictionary");
        Shell.Run([.. embed, "--jieba-dict", dictionary]).AssertDone();

        string[] inspect = ["inspect", "--step", "--checkpoint", last, "--records", videos, "--output", world.New() + ".safetensors"];
        Shell.Run(inspect).AssertFailed(1, last, "another jieba dictionary");
        Shell.Run([.. inspect, "--jieba-dict", dictionary]).AssertDone();
    }

    [Fact]
    public void Pretrain_OtherDictionaryInTheSameFolder_IsAnotherRun()
    {
        string output = world.New(), dictionary = Dictionary("天地 3\n");
        Shell.Run(Pretrain(world.Data, output, dictionary)).AssertDone();

        Shell.Run(Pretrain(world.Data, output, dictionary)).AssertDone();
        Shell.Run(CommandWorld.Pretrain(world.Data, output, "--model", "mix-roformer")).AssertFailed(1, output, "other arguments", "jieba_dict_sha256");
        Shell.Run([.. CommandWorld.Finetune(world.Data, output, world.New(), "--model", "mix-roformer")]).AssertFailed(1, output, "another jieba dictionary");
    }

    [Fact]
    public void Reproduce_OtherDictionaryInTheSameFolder_IsAnotherRun()
    {
        string output = world.New();
        string[] reproduce = ["reproduce", "--models", "mix-roformer", "--folds", "1", "--data", world.Data, "--output-dir", output, .. CommandWorld.Options, "--jieba-dict"];
        Shell.Run([.. reproduce, Dictionary("天地 3\n")]).AssertDone();
        Shell.Run([.. reproduce, Dictionary("天地 4\n")]).AssertFailed(1, output, "jieba_dict_sha256");
    }

    [Fact]
    public void Dictionary_BadLine_IsNamed()
    {
        string dictionary = Dictionary("天地 3 n\n玄黄\n");
        Shell.Run(Pretrain(world.Data, world.New(), dictionary)).AssertFailed(1, dictionary, "line 2");
        Shell.Run(Pretrain(world.Data, world.New(), world.New())).AssertFailed(1, "no such file");
    }

    [Theory]
    [InlineData("BertTokenizer", "RoFormerTokenizer", "needs BertTokenizer")]
    [InlineData("true", "false", "do_lower_case is false")]
    [InlineData("{", "[", "tokenizer_config.json")]
    public void TokenizerConfig_OfAnotherTokenizer_IsRefused(string text, string other, string complaint)
    {
        string last = Path.Combine(world.CopyOfRun(), "last"), file = Path.Combine(last, "tokenizer_config.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace(text, other, StringComparison.Ordinal));
        File.Delete(Path.Combine(last, "checksums.json"));
        Shell.Run(CommandWorld.Embed(last, world.Data, world.New() + ".zip")).AssertFailed(1, file, complaint);
    }

    [Fact]
    public void TokenizerConfig_Missing_IsRefused()
    {
        string last = Path.Combine(world.CopyOfRun(), "last"), file = Path.Combine(last, "tokenizer_config.json");
        File.Delete(file);
        Shell.Run(CommandWorld.Embed(last, world.Data, world.New() + ".zip")).AssertFailed(1, file);
    }
}
