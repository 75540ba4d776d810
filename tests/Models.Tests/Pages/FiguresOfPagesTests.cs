using VideoSim.Engine;
using VideoSim.Tables.Pages;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Pages;

/// <summary>
/// The tables and pictures of README.md and bench/results/README.md are those of the folders they name.
/// </summary>
public sealed class FiguresOfPagesTests : IDisposable
{
    private const string Folder = "bench/results/run", Results = "bench/results/README.md", Readme = "README.md";

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public FiguresOfPagesTests()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "BenchRun")))
            Write($"{Folder}/{Path.GetFileName(file)}", File.ReadAllText(file));
        Write(Readme, "# Name\n\n<!-- from none: peers -->\nNot measured.\n<!-- end -->\n\nmore\n");
        Write(Results, "<!-- from none: kernels -->\nNot measured.\n<!-- end -->\n<!-- from elsewhere: scores -->\nkept\n<!-- end -->\n");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Pages_InTheRepository_AreWhatTheirFoldersSay()
    {
        Assert.Empty(FiguresOfPages.Differences(Repository.Root));
        Assert.Contains("<!-- from bench/results/", File.ReadAllText(Path.Combine(Repository.Root, Readme)), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AFolder_ReplacesThePartsWhoseResultsItHas()
    {
        Assert.Equal([Readme, Results], Make());
        Assert.Equal("""
            # Name

            <!-- from bench/results/run: peers -->
            A Processor \<with\> & a long name that does not fit on the line of a picture, which has 760 pixels, 2 cores, 2026-11-29, commit 170c4873, a quick run. Times are medians. A ratio above 1 means that VideoSim is faster.

            | | VideoSim | peer | its time | ratio |
            | --- | ---: | --- | ---: | ---: |
            | uniter pretrain, tiny, batch 64 | 8 ms | torchsharp | 24 ms | 3.00 |
            <!-- end -->

            more

            """, Text(Readme));
        Assert.EndsWith("""
            | family | kernels | launches | share of the floor |
            | --- | ---: | ---: | ---: |
            | elementwise | 1 | 1 | 40 % |
            | layernorm | 2 | 2 | 60 to 80 % |
            | matmul | 1 | 2 | 80 to 95 % |
            <!-- end -->
            <!-- from elsewhere: scores -->
            kept
            <!-- end -->

            """, Text(Results), StringComparison.Ordinal);
        Assert.Empty(Make());
    }

    [Theory]
    [InlineData("run", "A copy of a large block reached 20 GB/s, a large matrix product 500 GFLOP/s. Other programs took at most 0.04 cores. Versions: videosim 0.1.0, torchsharp 0.107.0.")]
    [InlineData("run", "| torchsharp | 6 | 200 | cut: the time was used up |")]
    [InlineData("operators", "| --- | ---: | --- | ---: | ---: |\n| LayerNorm \\| forward-backward, 10000 x 100 | 1.1 ms | torchsharp | 1.6 ms | 1.46 |\n<!-- end -->")]
    [InlineData("steps", "| uniter pretrain, tiny, batch 64 | videosim | 7.5 ms | 7.13 ms to 9.38 ms | 200 | 105 MB |\n| uniter pretrain, tiny, batch 64 | videosim | 8 ms | 7.6 ms to 10 ms |  |  |\n| uniter pretrain, tiny, batch 64 | torchsharp | 24 ms | 22.8 ms to 30 ms |  | 207 MB |\n| mix finetune, tiny, batch 32 | videosim | 12.3 ms | 11.6 ms to 15.3 ms | 122 | 1.25 GB |")]
    [InlineData("sizes", "| LayerNorm \\| forward-backward, 2 threads | torchsharp | 1 k | 3.2 µs | 1 M | 1.6 ms |")]
    public void Write_APart_HasTheRunsFigures(string part, string figures)
    {
        Write(Readme, $"<!-- from none: {part} -->\nNot measured.\n<!-- end -->\n");
        Make();
        Assert.Contains(figures, Text(Readme), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Scores_NamesAMissingOne()
    {
        Write(Readme, "<!-- from none: scores -->\n<!-- end -->\n");
        Write($"{Folder}/reproduce/seed-1.json", """
            {"models":{"mix":{"random_spearman":0.1,"pretrain_spearman":0.2,"folds":[],"test_spearman":0.4}},"baselines":null,"ensemble":{"weights":{},"mean_norms":{}}}
            """);
        Assert.EndsWith("seed-1.json: lacks a score of 'folds'", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Pictures_AreCopiedAndShownFromEachPage()
    {
        Write($"{Folder}/pictures/steps-light.svg", "<svg/>");
        Write($"{Folder}/pictures/steps-dark.svg", "<svg />");
        Write($"{Folder}/pictures/roofline-light.svg", "one of two");
        Write(Results, "<!-- from none: peers -->\n<!-- end -->\n");
        Assert.Equal(["docs/images/steps-light.svg", "docs/images/steps-dark.svg", Readme, Results], Make());
        Assert.Equal("<svg />", Text("docs/images/steps-dark.svg"));
        Assert.Contains("\n\n<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"docs/images/steps-dark.svg\"><img src=\"docs/images/steps-light.svg\" alt=", Text(Readme), StringComparison.Ordinal);
        Assert.Contains("srcset=\"../../docs/images/steps-dark.svg\"", Text(Results), StringComparison.Ordinal);
        Assert.Empty(FiguresOfPages.Differences(_root));
    }

    [Fact]
    public void Differences_OfAChangedTable_OfAFolderWithoutResultsAndOfAnotherPicture_NameThem()
    {
        Write(Results, "");
        Write($"{Folder}/pictures/steps-light.svg", "<svg/>");
        Write($"{Folder}/pictures/steps-dark.svg", "<svg/>");
        Make();
        Write(Readme, Text(Readme).Replace("24 ms", "25 ms", StringComparison.Ordinal));
        Write(Results, "<!-- from elsewhere: scores -->\n<!-- end -->\n<!-- from none: run -->\nmeasured\n<!-- end -->\n");
        Write("docs/images/steps-dark.svg", "another");
        Assert.Equal(
        [
            "README.md: the part 'peers' is not what bench/results/run says: dotnet run -c Release --project bench/Tables -- readme bench/results/run",
            "docs/images/steps-dark.svg is not the picture of bench/results/run",
            "bench/results/README.md: the part 'scores' is not what elsewhere says: dotnet run -c Release --project bench/Tables -- readme elsewhere",
            "bench/results/README.md: the part 'run' is not what none says: dotnet run -c Release --project bench/Tables -- readme none",
        ], FiguresOfPages.Differences(_root));
    }

    [Theory]
    [InlineData("a\n<!-- from x: run -->\nb\n", "README.md:2: <!-- from x: run --> has no <!-- end -->")]
    [InlineData("<!-- from x: run -->\n<!-- from x: run -->\n<!-- end -->\n", "README.md:1: <!-- from x: run --> has no <!-- end -->")]
    [InlineData("a\n<!-- end -->\n", "README.md:2: <!-- end --> has no mark before it")]
    [InlineData("<!-- from x: speed -->\n<!-- end -->\n", "README.md: a mark has the name 'speed', which is none of scores, run, peers, operators, steps, kernels, sizes")]
    public void Write_WrongMark_IsNamedAndNoPageChanges(string page, string message)
    {
        string results = Text(Results);
        Write(Readme, page);
        Assert.Equal(message, Refused());
        Assert.Equal((page, results), (Text(Readme), Text(Results)));
    }

    [Fact]
    public void Write_WrongFolder_IsNamed()
    {
        Assert.EndsWith("must be a folder of the repository, such as bench/results/2026-12-01-h100", Refused(Path.Combine(_root, "..", "run")), StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_root, "empty"));
        Assert.Contains("empty: has results for no mark in README.md, bench/results/README.md; a mark is the line <!-- from none: NAME -->", Refused(Path.Combine(_root, "empty")), StringComparison.Ordinal);
        Write($"{Folder}/rows.json", Text($"{Folder}/rows.json").Replace("\"median\": 24.0", "\"median\": -1", StringComparison.Ordinal));
        Assert.EndsWith("rows.json: [13].milliseconds.median must be at least the best time", Refused(), StringComparison.Ordinal);
    }

    private IReadOnlyList<string> Make() => FiguresOfPages.Write(_root, Path.Combine(_root, Folder));

    private string Refused(string? folder = null) => Assert.Throws<DataException>(() => FiguresOfPages.Write(_root, folder ?? Path.Combine(_root, Folder))).Message;

    private string Text(string path) => File.ReadAllText(Path.Combine(_root, path));

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
