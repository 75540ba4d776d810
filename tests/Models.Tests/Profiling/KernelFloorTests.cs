using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;
using VideoSim.Tables;
using VideoSim.Tables.Pages;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

/// <summary>What kernels move by design, against what has to be moved for what they compute.</summary>
public sealed class KernelFloorTests(CountedSteps counted) : IClassFixture<CountedSteps>
{
    // In fp32 plain kernels make again, or keep, what those for bf16 do not.
    private static readonly (string Kernel, double Allowed, string Why)[] Exceptions =
    [
        ("layer_norm_backward_f32", 1.3, "reads both summands to make again what was normalised; in bf16 it takes that from the result"),
        ("vlad_forward_f32", 1.3, "keeps the assignments for backward; on tensor cores they are made again"),
    ];

    [Theory]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float32)]
    public void Functions_OfEveryStep_MoveHardlyMoreThanTheyHaveTo(ElementType precision)
    {
        const double Least = 0.995; // the cost of a product leaves its bias out
        var wrong = counted.In(precision).SelectMany(static step => step.Functions).Where(function => function.Ratio <= Least || function.Ratio > AllowedTo(function));
        Assert.Empty(wrong.Select(static function =>
            $"{function.Text}: {string.Join(", ", function.Launches.Select(static launch => launch.Kernel.Entry))} move {function.Cost.MovedBytes} bytes for {function.NecessaryBytes}").Distinct());

        static double AllowedTo(CountedFunction function) =>
            Exceptions.Where(exception => exception.Kernel == function.Launches[0].Kernel.Entry).Select(static exception => exception.Allowed).DefaultIfEmpty(KernelFloor.Allowed).Single();
    }

    [Theory]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float32)]
    public void Launches_OfEveryStep_BelongToAFunction(ElementType precision) => Assert.All(counted.In(precision), static step =>
        Assert.Empty(step.Functions.Where(static function => function.Text.Length == 0).SelectMany(static function => function.Launches).Select(launch => $"{step.Kind}: {launch.Kernel.Entry}").Distinct()));

    // A name that no step launches would leave its goals "not measured" after a run on a GPU, with nothing said.
    [Fact]
    public void Goals_EntriesThatTheyLookFor_AreLaunched()
    {
        string[] launched = [.. counted.Steps.SelectMany(static step => step.Launches).Where(static launch => !launch.IsProduct).Select(static launch => launch.Kernel.Entry).Distinct()];
        var lists = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "goals.py")).Where(static line => Regex.IsMatch(line, "^(ATTENTION|NORM|TAGS|VLAD)"));
        string[] patterns = [.. lists.SelectMany(static line => Regex.Matches(line, "\"([^\"]+)\"")).Select(static match => match.Groups[1].Value)];
        Assert.InRange(patterns.Length, 10, 20);
        Assert.All(patterns, pattern => Assert.Contains(launched, entry => Regex.IsMatch(entry, $"^({pattern})$")));
    }

    // The goals' FLOPs contain products of the last layer for positions that nothing uses. Ours do not: 6 % of a step
    // of mix. Both stages of the six published models have goals; further models come last.
    [Fact]
    public void Goals_WorkOfAStep_IsWhatStepsHave()
    {
        var rows = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "goals.py"))
            .Select(static line => Regex.Match(line, @"^    \(""(\S+)"", ""(\S+)""\): \((\d+), ([\d.]+), ([\d.]+), ([\d_]+)\),")).Where(static row => row.Success)
            .ToDictionary(static row => $"{row.Groups[1].Value} {row.Groups[2].Value} bf16", static row => row.Groups);
        Assert.Equal(12, rows.Count);
        CountedStep[] published = [.. counted.Steps.Take(rows.Count)];
        Assert.Equal(published.Select(static step => step.Kind.ToString()).Order(), rows.Keys.Order());
        Assert.All(published, step =>
        {
            double[] row = [.. rows[step.Kind.ToString()].Cast<Group>().Skip(3).Select(static group => double.Parse(group.Value.Replace("_", ""), CultureInfo.InvariantCulture))];
            var (batch, flops, bytes, parameters) = (row[0], 1e12 * row[1], 1e9 * row[2], row[3]);
            Assert.Equal(step.Videos, step.Kind.Pretraining ? batch : 2 * batch);
            Assert.Equal(step.Parameters, parameters);
            Assert.InRange(step.Sum(static launch => launch.IsProduct || launch.Kernel.Family == "attention").Flops / flops, 0.93, 1.01);
            Assert.InRange(step.Sum(static launch => !launch.IsProduct && launch.Kernel.Entry != "adam_f32").MovedBytes / bytes, 1, 2);
        });
    }

    // All but the last update 4 M elements or more. No 16 parameters in a row are smaller in all.
    [Fact]
    public void Update_OfEveryStep_TakesFewLaunches() => Assert.All(counted.Steps, static step =>
    {
        int launches = step.Launches.Count(static launch => launch.Kernel.Entry == "adam_f32");
        Assert.True(launches > 1 && launches <= 1 + step.Parameters / (4 << 20), $"{step.Kind}: {launches}");
    });

    [Fact]
    public void Page_InTheRepository_IsWhatTheCodeSays()
    {
        string committed = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "floors.md"));
        Assert.True(FloorsPage.Text(counted.Steps) == committed, "docs/kernels/floors.md is old: dotnet run -c Release --project bench/Tables");
    }

    [Fact]
    public void PagesOfKernels_InTheRepository_HaveTheCountedInstructions()
    {
        var (pages, missing) = KernelPages.Made(Repository.Root, InstructionTable.Embedded, InstructionTable.Listed(counted.Steps));
        Assert.Empty(missing);
        Assert.Equal(8, pages.Count);
        Assert.All(pages, page =>
        {
            Assert.DoesNotContain($"| {InstructionTable.NotCounted} |", page.Value, StringComparison.Ordinal);
            Assert.True(File.ReadAllText(Path.Combine(Repository.Root, page.Key)) == page.Value, $"{page.Key} is old: dotnet run -c Release --project bench/Tables");
        });
    }

    [Theory]
    [InlineData("<!-- from machine code: nonsense -->", "a mark names a family that is unknown or has another mark: nonsense")]
    [InlineData("<!-- from machine code: dropout narrow dropout -->", "a mark names a family that is unknown or has another mark: dropout")]
    [InlineData("<!-- from bench/results/run: dropout -->", "docs/kernels/rows.md: a mark is from 'bench/results/run', not from machine code")]
    public void PagesOfKernels_WrongMark_IsNamed(string mark, string error)
    {
        string root = Directory.CreateTempSubdirectory("videosim-test-").FullName;
        try
        {
            string folder = Directory.CreateDirectory(Path.Combine(root, "docs/kernels")).FullName;
            File.WriteAllText(Path.Combine(folder, "rows.md"), $"{mark}\n<!-- end -->\n");
            Assert.Contains(error, Assert.Throws<DataException>(() => KernelPages.Made(root, InstructionTable.Embedded, [])).Message, StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(folder, "rows.md"), "<!-- from machine code: dropout narrow -->\n<!-- end -->\n");
            var (pages, missing) = KernelPages.Made(root, InstructionTable.Embedded, []);
            Assert.Equal("docs/kernels/rows.md", Assert.Single(pages).Key);
            Assert.DoesNotContain("dropout", missing);
            Assert.Contains("embedding", missing);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    // Counted by hand in the machine code, loop by loop: instructions of a warp.
    [Theory]
    [InlineData("attention_forward_d64_s64_bf16", 2104)]
    [InlineData("attention_backward_d64_s64_bf16", 3852)]
    [InlineData("gelu_forward_bf16", 1320)]
    [InlineData("gelu_backward_bf16", 1718)]
    public void Instructions_InTheRepository_AreNearlyThoseCountedByHand(string entry, double byHand)
    {
        var counted = Assert.Single(InstructionTable.Embedded.Launches, launch => launch.Kernel == entry);
        Assert.InRange(counted.Cycles.Issue / (counted.Blocks * (counted.Threads / 32.0)), 0.94 * byHand, 1.06 * byHand);
    }

    // An old table would describe other code. One unit is compiled each time, all of them with the long tests.
    [Fact]
    public void Instructions_InTheRepository_AreOfTheCodeThatNvrtcMakes()
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        Assert.SkipWhen(Disassembler.Problem is not null, Disassembler.Problem ?? "");
        var compiler = KernelCompiler.WithLines(KernelSources.Embedded);
        Assert.SkipWhen($"{compiler.Version}" != InstructionTable.Embedded.Compiler, $"the instructions are those of NVRTC {InstructionTable.Embedded.Compiler}");
        var listed = InstructionTable.Listed(counted.Steps);
        foreach (var unit in KernelUnit.Group(listed.Select(static of => of.Launch.Kernel)).Where(static unit => LongTests.Run || unit.Source == "Embedding.cu"))
        {
            var image = compiler.Compile(unit, "sm_90");
            Assert.All(listed.Where(of => unit.Kernels.Contains(of.Launch.Kernel)), of => Assert.True(
                MachineCode.Of(image, of.Launch.Kernel.Entry).Instructions.Count() == InstructionTable.Embedded.Find(of.Launch)!.Code,
                $"the table of {of.Launch.Kernel.Entry} is old: dotnet run -c Release --project bench/Tables -- instructions"));
        }
    }
}

/// <summary>All steps of the published sizes, counted once.</summary>
public sealed class CountedSteps
{
    private readonly IReadOnlyList<CountedStep> _plain = CountedStep.Of("reference", ModelZoo.Names, [], [ElementType.Float32]);

    /// <summary>Those in bf16.</summary>
    public IReadOnlyList<CountedStep> Steps { get; } = FloorsPage.CountSteps();

    /// <summary>The steps in a precision.</summary>
    public IReadOnlyList<CountedStep> In(ElementType precision) => precision == ElementType.BFloat16 ? Steps : _plain;
}
