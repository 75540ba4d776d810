using System.Text;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Tests.Serialization;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Softmax;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>The table of variants: which line a launch gets, and what is wrong with a file.</summary>
public sealed unsafe class VariantTableTests : IDisposable
{
    private const string Entry = """{"kernel":"softmax_forward_f32","device":"H100","shape":{"Rows":[2,10]},"defines":{"WARPS":4},"reason":"1 us, not 2","measured":"today"}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("H100", 90, 1, "")]
    [InlineData("H100", 90, 2, "WARPS=4")]
    [InlineData("H100", 90, 10, "WARPS=4")]
    [InlineData("H100", 90, 11, "WARPS=2")]
    [InlineData("H200", 90, 10, "")]
    [InlineData("H200", 90, 11, "WARPS=2")]
    [InlineData("A100", 80, 11, "")]
    public void Find_DeviceAndRows_IsTheFirstLineThatFits(string device, int capability, int rows, string variant)
    {
        var rules = Parse($"[{Entry}, {Entry.Replace("H100", "sm_90", StringComparison.Ordinal).Replace("[2,10]", "[11,4096]", StringComparison.Ordinal).Replace(":4}", ":2}", StringComparison.Ordinal)}]").For(device, capability);
        var args = new SoftmaxArgs { Rows = rows, C = 5 };
        Assert.Equal(variant, $"{rules.Find(SoftmaxKernels.Forward[ElementType.Float32], &args)}");
        Assert.Equal("", $"{rules.Find(SoftmaxKernels.Forward[ElementType.BFloat16], &args)}");
    }

    [Theory]
    [InlineData("softmax_forward_f32", "softmax", "t.json: entry 1, softmax: kernel: there is no such kernel with a CUDA source")]
    [InlineData("\"H100\"", "\" \"", "device: is empty")]
    [InlineData("1 us, not 2", "", "reason: is empty")]
    [InlineData("today", "", "measured: is empty")]
    [InlineData("today\"", "today\",\"more\":1", "t.json: ")]
    [InlineData(",\"measured\":\"today\"", "", "t.json: ")]
    [InlineData("\"today\"", "null", "t.json: ")]
    [InlineData("\"Rows\"", "\"Size\"", "shape: SoftmaxArgs has no integer Size; it has Rows, C")]
    [InlineData("[2,10]", "[10,2]", "shape: Rows must be the least and the largest value, such as [1, 4096]")]
    [InlineData("[2,10]", "[2]", "shape: Rows must be the least and the largest value")]
    [InlineData("[2,10]", "2", "t.json: ")]
    [InlineData("\"WARPS\":4", "", "defines: is empty")]
    [InlineData("\"WARPS\"", "\"WRAPS\"", "defines: no source has a tunable macro WRAPS: Softmax.cu has WARPS=8")]
    [InlineData("\"WARPS\":4", "\"WARPS\":0", "defines: WARPS=0: must be at least 1")]
    [InlineData("\"WARPS\":4", "\"WARPS\":\"4\"", "t.json: ")]
    [InlineData("{\"kernel\"", "null, {\"kernel\"", "t.json: entry 1: is null")]
    public void Parse_Wrong_NamesFileEntryAndField(string old, string text, string message)
    {
        string error = Assert.Throws<DataException>(() => Parse($"[{Entry.Replace(old, text, StringComparison.Ordinal)}]")).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.StartsWith("t.json", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
    }

    [Fact]
    public void WithVariants_Line_AddsItsUnit()
    {
        var units = KernelUnit.Group(Catalog.Kernels);
        Assert.Equal(["__WARPS_4"], Parse($"[{Entry},{Entry}]").WithVariants(units).Skip(units.Count).Select(static unit => unit.Suffix));
        Assert.Equal(units.Count, Parse("[]").WithVariants(units).Count);
    }

    [Fact]
    public void Of_FolderWithATable_ReplacesThatOfTheProgram()
    {
        Assert.True(VariantTable.Of(KernelSources.Embedded).IsEmpty);
        File.WriteAllText(Path.Combine(_folder.Path, VariantTable.FileName), $"[{Entry}]");
        var sources = KernelSources.In(_folder.Path);
        var table = VariantTable.Of(sources);
        Assert.Equal((false, 8, false), (table.IsEmpty, table.Hash.Length, sources.HasOthers));
        Assert.NotEqual(table.Hash, Parse("[]").Hash);
    }

    [Fact]
    public void Write_TwiceForOneShape_KeepsTheNewLine()
    {
        string file = Path.Combine(_folder.Path, "t.json");
        VariantEntry first = new("softmax_forward_f32", "H100", new Dictionary<string, long[]> { ["Rows"] = [7, 7] }, new Dictionary<string, int> { ["WARPS"] = 4 }, "because", "today");
        VariantTable.Write(file, [first, first with { Device = "A100" }], KernelSources.Embedded);
        VariantTable.Write(file, [first with { Shape = new Dictionary<string, long[]> { ["Rows"] = [7, 7] }, Defines = new Dictionary<string, int> { ["WARPS"] = 2 } }], KernelSources.Embedded);
        var args = new SoftmaxArgs { Rows = 7, C = 5 };
        var table = VariantTable.Parse(file, File.ReadAllBytes(file), KernelSources.Embedded);
        Assert.Equal(["WARPS=2", "WARPS=4"], new[] { "H100", "A100" }.Select(device => $"{Find(table, device, args)}"));
        Assert.Equal(3, File.ReadAllText(file).Split("\"kernel\"").Length);
    }

    private static Variant Find(VariantTable table, string device, SoftmaxArgs args) => table.For(device, 90).Find(SoftmaxKernels.Forward[ElementType.Float32], &args);

    private static VariantTable Parse(string text) => VariantTable.Parse("t.json", Encoding.UTF8.GetBytes(text), KernelSources.Embedded);
}
