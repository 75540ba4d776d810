using VideoSim.Engine.Compilation;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>Every kernel with a CUDA source compiles through our NVRTC bindings. Needs NVRTC, no GPU.</summary>
public sealed class CompileGateTests
{
    /// <summary>Architectures of the resource table: that of an H100, or all of them.</summary>
    internal static IEnumerable<string> Architectures => LongTests.Run ? KernelResourceTable.Architectures : ["sm_90"];

    public static TheoryData<string, string> Units
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var unit in KernelUnit.Group(Catalog.Kernels))
            {
                foreach (string architecture in Architectures.Prepend(KernelResourceTable.Portable))
                    data.Add(unit.Name, architecture);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Units))]
    public void Unit_OfTheCatalog_CompilesWithoutSpills(string name, string architecture)
    {
        var image = CudaMachine.Compiler.Compile(KernelUnit.Group(Catalog.Kernels).Single(unit => unit.Name == name), architecture);
        var entries = KernelUnit.Group(Catalog.Kernels).Single(unit => unit.Name == name).Kernels.Select(static kernel => kernel.Entry).Order();
        Assert.Equal("", string.Join('\n', image.Log.Split('\n').Where(static line => line.Contains("warning", StringComparison.Ordinal))));
        if (architecture == "compute_80")
        {
            string ptx = System.Text.Encoding.UTF8.GetString(image.Code);
            Assert.All(entries, entry => Assert.Contains($".entry {entry}(", ptx, StringComparison.Ordinal));
            return;
        }
        Assert.Equal("\u007fELF"u8, image.Code.AsSpan(0, 4));
        Assert.Equal(entries, image.Resources.Keys.Order());
        Assert.All(image.Resources, static entry => Assert.InRange(entry.Value.Registers, 1, 255));
        Assert.All(image.Resources, static entry => Assert.Equal((0, 0, 0), (entry.Value.StackBytes, entry.Value.SpillStoreBytes, entry.Value.SpillLoadBytes)));
    }

    // dotnet run -c Release --project bench/Tables writes the table anew.
    [Fact]
    public void Resources_OfTheCatalog_AreThoseOfTheTable()
    {
        var compiler = CudaMachine.Compiler;
        Assert.SkipUnless(KernelResourceTable.Embedded.Has(compiler.Version), $"there is no table for NVRTC {compiler.Version}");
        var now = KernelResourceTable.Compile(compiler, KernelUnit.Group(Catalog.Kernels), Architectures);
        Assert.Equal("", string.Join('\n', KernelResourceTable.Embedded.Differences(now, compiler.Version)));
    }

    [Fact]
    public void Differences_ChangedAndMissingKernels_AreNamed()
    {
        var compiler = CudaMachine.Compiler;
        var units = KernelUnit.Group(Catalog.Kernels.Where(static kernel => kernel.Source == "Dropout.cu"));
        var (table, empty) = (Compile(units), Compile([]));
        Assert.Empty(table.Differences(table, compiler.Version));
        Assert.Equal(from architecture in KernelResourceTable.Architectures from entry in new[] { "dropout_bf16", "dropout_f32" } select $"{entry} for {architecture}: not there ->",
            empty.Differences(table, compiler.Version).Select(static line => line[..(line.IndexOf("->", StringComparison.Ordinal) + 2)]));
        Assert.Equal(table.ToJson(), empty.With(table).ToJson());

        KernelResourceTable Compile(IEnumerable<KernelUnit> units) => KernelResourceTable.Compile(compiler, units, KernelResourceTable.Architectures);
    }

    [Fact]
    public void Compile_SourceWithAnError_NamesFileAndLine()
    {
        CudaMachine.SkipWithoutNvrtc();
        var sources = new KernelSources([new("Broken.cu", "// a comment\nextern \"C\" __global__ void broken() { int x = y; }\n")]);
        var failure = Assert.Throws<KernelCompilationException>(() => new KernelCompiler(sources).Compile(new("Broken.cu", [], []), "compute_80"));
        Assert.Contains("Broken.cu(2): error", failure.Log, StringComparison.Ordinal);
        Assert.Contains("Broken.cu does not compile for compute_80", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("int Count; float Rate;", "")]
    [InlineData("float Rate; int Count;", "PairArgs.Count: offset differs from C#")]
    [InlineData("int Count; float Rate; int More;", "PairArgs: size differs from C#")]
    [InlineData("short Count; float Rate;", "PairArgs.Count: size differs from C#")]
    public void Compile_StructThatDiffersFromCSharp_IsRefused(string fields, string message)
    {
        CudaMachine.SkipWithoutNvrtc();
        var sources = new KernelSources([new("Pair.cu", $"struct PairArgs {{ {fields} }};\nextern \"C\" __global__ void pair(PairArgs a) {{ }}\n")]);
        var unit = KernelUnit.Group([Pair]).Single();
        if (message.Length == 0)
            Assert.NotEmpty(new KernelCompiler(sources).Compile(unit, "compute_80").Code);
        else
            Assert.Contains(message, Assert.Throws<KernelCompilationException>(() => new KernelCompiler(sources).Compile(unit, "compute_80")).Log, StringComparison.Ordinal);
    }

    // A version of NVRTC that does not have the operator behind OFFSET_OF.
    [Fact]
    public void Compile_CompilerThatRefusesOffsets_AssertsSizesAndSaysSo()
    {
        CudaMachine.SkipWithoutNvrtc();
        var unit = KernelUnit.Group([Pair]).Single();
        var image = Compiler("float Rate; int Count;").Compile(unit, "compute_80"); // in the wrong order, which it cannot see
        Assert.NotEmpty(image.Code);
        Assert.StartsWith("Pair.cu: offsets of arguments are not asserted: NVRTC ", image.Log, StringComparison.Ordinal);
        Assert.Equal((false, true), (Compiler("").AssertsOffsets, CudaMachine.Compiler.AssertsOffsets));
        var failure = Assert.Throws<KernelCompilationException>(() => Compiler("int Count;").Compile(unit, "compute_80"));
        Assert.Contains("PairArgs: size differs from C#", failure.Log, StringComparison.Ordinal);

        static KernelCompiler Compiler(string fields) =>
            new(new KernelSources([new("Pair.cu", $"struct PairArgs {{ {fields} }};\nextern \"C\" __global__ void pair(PairArgs a) {{ }}\n")]), null, ["-D__INTADDR__=refused"]);
    }

    [Fact]
    public void Compile_Defines_ReachTheSource()
    {
        CudaMachine.SkipWithoutNvrtc();
        var sources = new KernelSources([new("Width.cu", "#include \"Width.cuh\"\nextern \"C\" __global__ void width(int* x) { static_assert(WIDTH == TWICE / 2, \"\"); }\n"),
            new("Width.cuh", "#define TWICE 14\n")]);
        Assert.NotEmpty(new KernelCompiler(sources).Compile(new("Width.cu", ["WIDTH=7"], []), "compute_80").Code);
        Assert.Throws<KernelCompilationException>(() => new KernelCompiler(sources).Compile(new("Width.cu", ["WIDTH=8"], []), "compute_80"));
    }

    [Theory]
    [InlineData(80, "sm_80")]
    [InlineData(86, "sm_86")]
    [InlineData(90, "sm_90")]
    [InlineData(999, "compute_")]
    public void ArchitectureFor_Device_IsExactOrTheNewestKnown(int capability, string architecture) =>
        Assert.StartsWith(architecture, CudaMachine.Compiler.ArchitectureFor(capability), StringComparison.Ordinal);

    [Fact]
    public void ArchitectureFor_DeviceOlderThanAllKnown_SaysSo()
    {
        var failure = Assert.Throws<DataException>(() => CudaMachine.Compiler.ArchitectureFor(20));
        Assert.Matches(@"^NVRTC [\d.]+ compiles for no GPU of compute capability 2\.0, only for \d\.\d and newer$", failure.Message);
    }

    [Fact]
    public void ParseResources_SpillingKernel_IsRead()
    {
        const string log = """
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'first' for 'sm_90'
            ptxas info    : Function properties for first
            ptxas         .     784 bytes stack frame, 1100 bytes spill stores, 1056 bytes spill loads
            ptxas info    : Used 40 registers, 400 bytes cmem[0]
            ptxas info    : Compiling entry function 'second' for 'sm_90'
            ptxas info    : Function properties for second
                0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 22 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]
            """;
        var resources = KernelImage.ParseResources(log);
        Assert.Equal(new KernelResources(40, 784, 1100, 1056, 0), resources["first"]);
        Assert.Equal(new KernelResources(22, 0, 0, 0, 1024), resources["second"]);
    }

    private static readonly Kernel<PairArgs> Pair = new("pair")
    {
        Source = "Pair.cu",
        CountItems = static (in PairArgs a) => a.Count,
        Twin = static (in PairArgs a, int from, int to) => { },
        CountCost = static (in PairArgs a) => default,
    };

    public struct PairArgs
    {
        public int Count;
        public float Rate;
    }
}
