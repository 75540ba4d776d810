using System.Text;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

/// <summary>A tuning table: what it has, and what is wrong with a file.</summary>
public sealed class TuningTableTests
{
    private const string Row = """
        {"product":{"m":64,"n":32,"k":16,"ld_a":16,"ld_b":17,"ld_c":33,"transpose_a":0,"transpose_b":1,"batch":2,"stride_a":1024,"stride_b":0,"stride_c":2112,"stride_bias":5,"has_bias":true,
         "operands":"bf16","result":"f32","alignment_a":256,"alignment_b":16,"alignment_c":8,"alignment_bias":32},"algorithm":"HEX","microseconds":9.5,"first_microseconds":10.5,"candidates":8}
        """;

    private static readonly string Hex = string.Concat(Enumerable.Repeat("0123456789abcdef", 8));

    private static string Whole => $$"""{"format":1,"gpu":"NVIDIA H200","cublaslt":"12.4.5","date":"2026-11-30","products":[{{Row.Replace("HEX", Hex, StringComparison.Ordinal)}}]}""";

    [Fact]
    public void Parse_Whole_HasItsProduct()
    {
        var table = Parse(Whole);
        var kind = new ProductKind(64, 32, 16, 16, 17, 33, 0, 1, 2, 1024, 0, 2112, 5, true, ElementType.BFloat16, ElementType.Float32, 256, 16, 8, 32);
        Assert.Equal([new TunedProduct(kind, Hex, 9.5, 10.5, 8)], table.Products);
        Assert.Equal(table.Products[0], table.Find(kind));
        Assert.Null(table.Find(kind with { AlignmentA = 128 }));
        Assert.Equal(64, table.Sha256.Length);
        Assert.Equal(Encoding.UTF8.GetBytes(Whole), table.Content.ToArray());
        Assert.NotEqual(table.Sha256, Parse(Whole + "\n").Sha256);
    }

    [Theory]
    [InlineData("\"format\":1", "\"format\":2", "t.json: format cannot be 2; it must be 1")]
    [InlineData("NVIDIA H200", "", "t.json: gpu is not the name of a GPU")]
    [InlineData("NVIDIA H200", "a\\u0007b", "t.json: gpu is not the name of a GPU")]
    [InlineData("12.4.5", "12", "t.json: cublaslt is not a version")]
    [InlineData("12.4.5", "12.04.5", "t.json: cublaslt is not a version")]
    [InlineData("2026-11-30", "today", "'date' is of another kind than expected")]
    [InlineData("\"m\":64", "\"m\":0", "t.json: product 1: m cannot be 0")]
    [InlineData("\"n\":32", "\"n\":-1", "product 1: n cannot be -1")]
    [InlineData("\"k\":16", "\"k\":0", "product 1: k cannot be 0")]
    [InlineData("\"k\":16", "\"k\":1.5", "k' is of another kind than expected")]
    [InlineData("\"k\":16,", "", "lacks 'k'")]
    [InlineData("\"k\":16,", "\"k\":16,\"l\":1,", "there is no key 'l'")]
    [InlineData("\"ld_a\":16", "\"ld_a\":15", "product 1: ld_a cannot be 15")]
    [InlineData("\"ld_b\":17", "\"ld_b\":15", "product 1: ld_b cannot be 15")]
    [InlineData("\"ld_c\":33", "\"ld_c\":31", "product 1: ld_c cannot be 31")]
    [InlineData("\"transpose_a\":0", "\"transpose_a\":2", "product 1: transpose_a cannot be 2")]
    [InlineData("\"transpose_b\":1", "\"transpose_b\":-1", "product 1: transpose_b cannot be -1")]
    [InlineData("\"batch\":2", "\"batch\":0", "product 1: batch cannot be 0")]
    [InlineData("\"stride_a\":1024", "\"stride_a\":-1", "product 1: stride_a cannot be -1")]
    [InlineData("\"stride_b\":0", "\"stride_b\":-1", "product 1: stride_b cannot be -1")]
    [InlineData("\"stride_c\":2112", "\"stride_c\":-1", "product 1: stride_c cannot be -1")]
    [InlineData("\"stride_bias\":5,\"has_bias\":true", "\"stride_bias\":5,\"has_bias\":false", "product 1: stride_bias cannot be 5")]
    [InlineData("\"operands\":\"bf16\"", "\"operands\":\"fp16\"", "operands' is of another kind than expected")]
    [InlineData("\"alignment_a\":256", "\"alignment_a\":512", "product 1: alignment_a cannot be 512")]
    [InlineData("\"alignment_b\":16", "\"alignment_b\":24", "product 1: alignment_b cannot be 24")]
    [InlineData("\"alignment_c\":8", "\"alignment_c\":0", "product 1: alignment_c cannot be 0")]
    [InlineData("\"stride_bias\":5,\"has_bias\":true", "\"stride_bias\":0,\"has_bias\":false", "product 1: alignment_bias cannot be 32")]
    [InlineData("\"0123456789abcdef", "\"0123456789abcdeg", "product 1: algorithm is not 128 hex digits")]
    [InlineData("\"0123456789abcdef", "\"0123456789ABCDEF", "product 1: algorithm is not 128 hex digits")]
    [InlineData("\"0123456789abcdef", "\"", "product 1: algorithm is not 128 hex digits")]
    [InlineData("\"microseconds\":9.5", "\"microseconds\":0", "product 1: microseconds must be above 0")]
    [InlineData("\"first_microseconds\":10.5", "\"first_microseconds\":-1", "product 1: first_microseconds must be above 0")]
    [InlineData("\"candidates\":8", "\"candidates\":9", "product 1: candidates cannot be 9; it must be from 1 to 8")]
    [InlineData("\"candidates\":8", "\"candidates\":0", "product 1: candidates cannot be 0")]
    [InlineData("[{\"product\"", "[null, {\"product\"", "t.json: product 1: is null")]
    public void Parse_Wrong_NamesFileProductAndField(string old, string text, string message)
    {
        Assert.Contains(old, Whole, StringComparison.Ordinal);
        string error = Assert.Throws<DataException>(() => Parse(Whole.Replace(old, text, StringComparison.Ordinal))).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.StartsWith("t.json: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
    }

    [Fact]
    public void Parse_ProductTwice_IsRefused()
    {
        string row = Row.Replace("HEX", Hex, StringComparison.Ordinal);
        Assert.Equal("t.json: product 2: is in the table twice", Assert.Throws<DataException>(() => Parse(Whole.Replace(row, $"{row},{row}", StringComparison.Ordinal))).Message);
    }

    [Theory]
    [InlineData("NVIDIA H200", "12.4.5", null)]
    [InlineData("NVIDIA H100", "12.4.5", "this is NVIDIA H100 with cuBLASLt 12.4.5")]
    [InlineData("NVIDIA H200", "12.4.6", "this is NVIDIA H200 with cuBLASLt 12.4.6")]
    public void RequireFor_OtherGpuOrVersion_NamesBoth(string gpu, string version, string? other)
    {
        void Require() => Parse(Whole).RequireFor(gpu, Version.Parse(version));
        if (other is null)
            Require();
        else
            Assert.StartsWith($"t.json: is a table of NVIDIA H200 with cuBLASLt 12.4.5, and {other};", Assert.Throws<DataException>(Require).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Cpu_RefusesATable() =>
        Assert.Equal("t.json: is a table of cuBLASLt, which the CPU does not use", Assert.Throws<DataException>(() => DeviceNames.Open("cpu", tuning: Parse(Whole)).Dispose()).Message);

    private static TuningTable Parse(string text) => TuningTable.Parse("t.json", Encoding.UTF8.GetBytes(text));
}
