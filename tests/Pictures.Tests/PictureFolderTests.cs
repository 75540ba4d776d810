using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;
using VideoSim.Engine;
using VideoSim.Models.Profiling;
using VideoSim.Tables.Pages;
using Xunit;

namespace VideoSim.Pictures.Tests;

/// <summary>Pictures of the run in tests/Shared/BenchRun, and of runs that lack something.</summary>
public sealed class PictureFolderTests : IDisposable
{
    private const int LargestFile = 150_000, Systems = 5; // that a picture may have as lines

    private static readonly string Sample = Path.Combine(AppContext.BaseDirectory, "BenchRun");
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public PictureFolderTests()
    {
        foreach (string file in Directory.GetFiles(Sample))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
    }

    private static readonly Lazy<IReadOnlyDictionary<string, string>> Drawn = new(static () => PictureFolder.Draw(Run, Rows));

    private static BenchRun Run => BenchResults.ReadRun(Path.Combine(Sample, BenchRun.FileName));

    private static IReadOnlyList<BenchRow> Rows => BenchResults.ReadRows(Path.Combine(Sample, BenchRun.RowsFileName));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_ARun_LeavesEachPictureInLightAndDark()
    {
        string[] names = [.. from name in new[] { "roofline", "sizes", "steps", "memory" } from theme in new[] { "light", "dark" } select $"{name}-{theme}.svg"];
        Assert.Equal(names.Select(name => Path.Combine(_folder, "pictures", name)), PictureFolder.Write(_folder));
        Assert.Equal(names.Order(), Directory.GetFiles(Path.Combine(_folder, "pictures")).Select(Path.GetFileName).Order());
        Assert.All(Directory.GetFiles(Path.Combine(_folder, "pictures")), static file => Assert.InRange(new FileInfo(file).Length, 1, LargestFile));
    }

    [Fact]
    public void Draw_Twice_GivesTheSameBytes() => Assert.Equal(Drawn.Value, PictureFolder.Draw(Run, Rows));

    // The folders that README.md and bench/results name have pictures of these very rows.
    [Fact]
    public void Pictures_InTheRepository_AreThoseOfTheirRuns()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "VideoSim.sln")))
            root = root.Parent!;
        foreach (string folder in Directory.GetDirectories(Path.Combine(root.FullName, "bench/results")).Where(static folder => Directory.Exists(Path.Combine(folder, FiguresOfPages.Pictures))))
        {
            var drawn = PictureFolder.Draw(BenchResults.ReadRun(Path.Combine(folder, BenchRun.FileName)), BenchResults.ReadRows(Path.Combine(folder, BenchRun.RowsFileName)));
            Assert.All(Directory.GetFiles(Path.Combine(folder, FiguresOfPages.Pictures)), file => Assert.True(drawn.GetValueOrDefault(Path.GetFileName(file)) == File.ReadAllText(file), file));
        }
    }

    [Fact]
    public void Texts_OfAllPictures_AreInsideAndReadable()
    {
        foreach (var (name, text) in Drawn.Value)
        {
            var page = XElement.Parse(text);
            Assert.Equal("760", page.Attribute("width")!.Value);
            Assert.Contains("A Processor <with> & a l", page.Value, StringComparison.Ordinal);
            Assert.Contains(", 2026-11-29, commit 170c4873, a quick run", page.Value, StringComparison.Ordinal);
            foreach (var group in page.Elements(Svg + "g"))
            {
                double left = double.Parse(group.Attribute("transform")!.Value.Split('(', ' ')[1], CultureInfo.InvariantCulture);
                foreach (var one in group.Descendants(Svg + "text"))
                {
                    double size = Number(one, "font-size"), width = Letters.WidthOf(one.Value, (float)size);
                    double x = left + Number(one, "x") - width * (one.Attribute("text-anchor")?.Value switch { "middle" => 0.5, "end" => 1, _ => 0 });
                    Assert.True(size >= 11 && x >= 0 && x + width <= SvgPage.Width, $"{name}: '{one.Value}' from {x} to {x + width}, size {size}");
                }
            }
        }
    }

    // GitHub's backgrounds, and letters whose contrast with them is at least 4.5, as for text that all can read.
    [Theory]
    [InlineData("light", "#FFFFFF")]
    [InlineData("dark", "#0D1117")]
    public void Theme_Letters_ContrastWithThePage(string name, string background)
    {
        var theme = Assert.Single(Theme.All, theme => theme.Name == name);
        Assert.Equal(background, theme.Page.ToHex());
        Assert.All(new[] { theme.Text, theme.Quiet }, color => Assert.InRange(Contrast(color, theme.Page), 4.5, 21));
        Assert.All(theme.Series.Append(theme.Rest), fill => Assert.InRange(Contrast(Theme.On(fill), fill), 4.5, 21));
        Assert.All(theme.Series.Take(Systems), line => Assert.InRange(Contrast(line, theme.Page), 3, 21));
        Assert.Equal(theme.Series.Count, theme.Series.Distinct().Count());
    }

    [Fact]
    public void Roofline_Kernels_AreThoseOfAllThreadsWithFlops()
    {
        string text = Text("roofline");
        Assert.Contains("ceiling: copies 20 GB/s, matrix products 500 GFLOP/s", text, StringComparison.Ordinal);
        Assert.Contains("3 launches of 3 kernels; 1 launches without FLOPs are not shown.", text, StringComparison.Ordinal);
        Assert.Contains(">75 to 100 %<", text, StringComparison.Ordinal); // 20 of 26.7 and 16 of 16 GFLOP/s
        Assert.DoesNotContain("elementwise", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_Bars_HaveKeysTimesAndRatios()
    {
        string text = Text("steps");
        Assert.Contains(">7.5 ms<", text, StringComparison.Ordinal);
        Assert.Contains(">24 ms, 3.20 x<", text, StringComparison.Ordinal);
        Assert.Contains(">dropout_residual_", text, StringComparison.Ordinal);
        Assert.Contains("…", text, StringComparison.Ordinal);
        Assert.Contains(">1<", text, StringComparison.Ordinal);
        Assert.DoesNotContain("kernel_8_f32", text, StringComparison.Ordinal); // 11 kernels: eight have names
        Assert.Contains("all other kernels, and peers", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_Bars_HaveTheirBytes()
    {
        string text = Text("memory");
        Assert.All(new[] { "105 MB", "207 MB" }, value => Assert.Contains($">{value}<", text, StringComparison.Ordinal));
        Assert.DoesNotContain("mix finetune", text, StringComparison.Ordinal); // no peer measured it
        Assert.DoesNotContain("LayerNorm", text, StringComparison.Ordinal);
        text = PictureFolder.Draw(Run, [.. Rows.Where(static row => row.System == "videosim")])["memory-light.svg"];
        Assert.Contains(">1.25 GB<", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Draw_RunWithoutSomeData_LeavesThosePicturesOut()
    {
        Assert.Equal(["sizes", "steps", "memory"], Names(Run with { Ceilings = null }, Rows));
        Assert.Equal(["memory"], Names(Run, [.. Rows.Where(static row => row.System == "torchsharp" && row.Size is null)]));
        Assert.Equal(["sizes"], Names(Run, [.. Rows.Where(static row => row.Size is not null)]));
        Assert.Empty(Names(Run, [.. Rows.Where(static row => row.Size is 1000 or 30000)]));
    }

    [Fact]
    public void Draw_NamesFromOutside_AreShownAsTheyAre()
    {
        BenchRow[] rows = [.. Rows.Where(static row => row.Part == "steps").Select(static (row, place) => row with { Name = $"<b>&\n\u202e视频 {place}" })];
        string text = PictureFolder.Draw(Run, rows)["memory-light.svg"];
        Assert.Contains("&lt;b&gt;&amp;\\u000a\\u202e?? 0, tiny", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rows.json", "\"median\": 24.0", "\"median\": \"24\"", "'[13].milliseconds.median'")]
    [InlineData("rows.json", "\"p90\": 30.0", "\"p90\": 1", "rows.json: [13].milliseconds.p90 must be at least p10")]
    [InlineData("run.json", "\"cores\": 2,", "", "run.json:")]
    [InlineData("rows.json", "\"flops\": 800000", "\"flops\": 1e999", "rows.json:")]
    public void Program_WrongInput_IsOneLineAndWritesNothing(string file, string old, string changed, string message)
    {
        string path = Path.Combine(_folder, file), text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(old, changed, StringComparison.Ordinal));
        var (code, output, error) = Start(_folder);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(message, Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "pictures")));
    }

    [Fact]
    public void Program_NoRowsOrNoFolder_EndsWithOne()
    {
        File.WriteAllText(Path.Combine(_folder, BenchRun.RowsFileName), "[]");
        Assert.Equal((1, "", $"{Path.Combine(_folder, BenchRun.RowsFileName)}: has no rows for any picture\n"), Start(_folder));
        Assert.StartsWith("usage: ", Start().Error, StringComparison.Ordinal);
        Assert.Equal(1, Start(Path.Combine(_folder, "none")).Code);
    }

    [Fact]
    public void Program_FileWithVariants_DrawsThemBesideIt()
    {
        string file = Path.Combine(_folder, "warps.json");
        File.WriteAllText(file, Variants(Timed("", 20), Timed("WARPS=4", 15)));
        string[] written = [Path.Combine(_folder, "warps-light.svg"), Path.Combine(_folder, "warps-dark.svg")];
        Assert.Equal((0, string.Concat(written.Select(static path => $"wrote {path}\n")), ""), Start(file));
        foreach (string text in written.Select(File.ReadAllText))
        {
            string[] shown = ["softmax_f32, 3 rows", "EPYC, 2 cores, emulator, 2026-11-29, commit c0ffee00", "WARPS=4, program", "20 µs", "15 µs, 0.75 x", "Times of the emulator: they do not apply to a GPU."];
            Assert.All(shown, one => Assert.Contains($">{one}<", text, StringComparison.Ordinal));
        }
        File.WriteAllText(file, Variants(Timed("", 20)));
        Assert.Equal((1, "", $"{file}: has no launch with several builds, as 'kernels bench --define' or '--against' writes them\n"), Start(file));
        Assert.Equal(1, Start(Path.Combine(_folder, BenchRun.RowsFileName)).Code);
    }

    [Fact]
    public void Write_ARefusedFile_IsNamed()
    {
        File.WriteAllText(Path.Combine(_folder, FiguresOfPages.Pictures), "a file in place of the folder");
        Assert.Contains(_folder, Assert.Throws<DataException>(() => PictureFolder.Write(_folder)).Message, StringComparison.Ordinal);
    }

    private static string Variants(params string[] kernels) => $$"""
        {"date":"2026-11-29T21:00:00Z","commit":"c0ffee0001","machine":"2 cores, .NET 10","processor":"EPYC","device":"emulator","others_cores":0.1,"emulated":true,"preset":"micro","is_cold":true,"rates":null,"kernels":[{{string.Join(',', kernels)}}]}
        """;

    private static string Timed(string variant, int median) => $$$"""
        {"family":"softmax","entry":"softmax_f32","is_of_step":false,"launch":"3 rows","microseconds":{"median":{{{median}}},"p10":14,"p90":30,"best":13,"samples":10},"flops":7,"bytes":8,"floor_microseconds":10,
         "build":{"variant":"{{{variant}}}","sources":"program"}}
        """;

    private static string Text(string name) => Drawn.Value[$"{name}-light.svg"];

    private static IEnumerable<string> Names(BenchRun run, IReadOnlyList<BenchRow> rows) => PictureFolder.Draw(run, rows).Keys.Select(static file => file.Split('-')[0]).Distinct();

    private static double Number(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    private static double Contrast(ScottPlot.Color one, ScottPlot.Color other)
    {
        double a = Light(one), b = Light(other);
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    private static double Light(ScottPlot.Color color) => 0.2126 * Linear(color.R) + 0.7152 * Linear(color.G) + 0.0722 * Linear(color.B);

    private static double Linear(byte value) => value <= 10 ? value / 255.0 / 12.92 : Math.Pow((value / 255.0 + 0.055) / 1.055, 2.4);

    private static (int Code, string Output, string Error) Start(params string[] arguments)
    {
        string program = typeof(PictureFolder).Assembly.Location;
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
