using VideoSim.Engine.Compilation;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.Softmax;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>Values of macros: which a source has, their combinations, and the units that are compiled.</summary>
public sealed class VariantTests
{
    private static readonly Kernel Softmax = SoftmaxKernels.Forward[ElementType.Float32], Dropout = DropoutKernels.Apply[ElementType.Float32];

    private static KernelSources Sources(string text) => new([new("Softmax.cu", text)]);

    [Fact]
    public void With_OtherValue_ReplacesTheDefaultAndRenamesTheEntries()
    {
        var unit = KernelUnit.Group([Dropout]).Single();
        var other = unit.With(Variant("THREADS", 64));
        Assert.Equal(["BLOCK_ELEMENTS=4096", "THREADS=64"], other.Defines);
        Assert.Equal("dropout_f32__THREADS_64", other.SymbolOf(Dropout));
        Assert.Equal(["BLOCK_ELEMENTS=4096", "THREADS=64", "dropout_f32=dropout_f32__THREADS_64"], other.Macros);
        Assert.Equal("dropout_f32__against__UNROLL_m2", unit.With(Variant("UNROLL", -2), "against").SymbolOf(Dropout));
    }

    [Fact]
    public void With_DefaultsAndFixedValues_IsTheUnitItself()
    {
        var unit = KernelUnit.Group([Dropout]).Single();
        Assert.Same(unit, unit.With(Variant("THREADS", 256)));
        Assert.Same(unit, unit.With(Variant("BLOCK_ELEMENTS", 1)));
    }

    [Fact]
    public void Of_TunableAndGuardedMacro_HasBothWithTheirDefaults()
    {
        var macros = SourceMacros.Of(Softmax, Sources("#ifndef UNROLL\n#define UNROLL 4\n#endif\n#define LANES 32\n#ifndef WARPS\n#define WARPS 99\n#endif\n"));
        Assert.Equal([("UNROLL", 4), ("WARPS", 8)], macros.Select(static macro => (macro.Key, macro.Value)));
        Assert.Equal([("THREADS", 256)], SourceMacros.Of(Dropout, new([new("Dropout.cu", "#ifndef BLOCK_ELEMENTS\n#define BLOCK_ELEMENTS 1\n#endif\n")])).Select(static macro => (macro.Key, macro.Value)));
    }

    [Theory]
    [InlineData("LANES", "no source has a tunable macro LANES: Softmax.cu has WARPS=8; Softmax.cu always defines LANES: put '#ifndef LANES' before that line and '#endif' after it")]
    [InlineData("WRAPS", "no source has a tunable macro WRAPS: Softmax.cu has WARPS=8")]
    public void Advice_OtherMacro_TellsWhichThereAre(string name, string message) => Assert.Equal(message, SourceMacros.Advice([Softmax], Sources("#define LANES 32\n"), name));

    [Fact]
    public void Advice_FixedInCSharp_TellsWhereToChangeIt() =>
        Assert.EndsWith("C# passes BLOCK_ELEMENTS to Dropout.cu as a fixed value: make it one of the Tunables of its KernelFile", SourceMacros.Advice([Dropout], KernelSources.Embedded, "BLOCK_ELEMENTS"), StringComparison.Ordinal);

    [Fact]
    public void Parse_TwoMacros_IsEveryCombination()
    {
        Assert.Equal(["A=1 B=-2", "A=1 B=3", "A=5 B=-2", "A=5 B=3"], VariantSweep.Parse(["A=1,5", "B=-2,3"]).Variants.Select(static variant => $"{variant}"));
        Assert.Equal([""], VariantSweep.Parse([]).Variants.Select(static variant => $"{variant}"));
        Assert.Equal(64, VariantSweep.Parse(["A=1,2,3,4,5,6,7,8", "B=1,2,3,4,5,6,7,8"]).Variants.Count);
    }

    [Theory]
    [InlineData("'A' is not a macro with integers, such as THREADS=64,128", "A")]
    [InlineData("'A=' is not a macro with integers", "A=")]
    [InlineData("'A=1,' is not a macro with integers", "A=1,")]
    [InlineData("'A=1.5' is not a macro with integers", "A=1.5")]
    [InlineData("'A=0x10' is not a macro with integers", "A=0x10")]
    [InlineData("'A=1;system()' is not a macro with integers", "A=1;system()")]
    [InlineData("'1A=1' is not a macro with integers", "1A=1")]
    [InlineData("'A(x)=1' is not a macro with integers", "A(x)=1")]
    [InlineData("A=3 is there twice", "A=3,4,3")]
    [InlineData("A is there twice: list all its values after one name", "A=3", "A=4")]
    [InlineData("A=2147483648 is not a number that fits", "A=2147483648")]
    [InlineData("there are more than 64 combinations, the most that are tried at once", "A=1,2,3,4,5,6,7,8", "B=1,2,3,4,5,6,7,8,9")]
    public void Parse_Wrong_SaysWhat(string message, params string[] texts) => Assert.StartsWith(message, Assert.Throws<DataException>(() => VariantSweep.Parse(texts)).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_TextWithALineEnd_IsRefused() => Assert.Throws<DataException>(() => VariantSweep.Parse(["A=1\n"]));

    [Fact]
    public void Fitting_SomeKernels_LeavesOthersOut()
    {
        Kernel[] both = [Softmax, Dropout, SoftmaxKernels.Backward[ElementType.BFloat16]];
        Assert.Equal([both[0], both[2]], VariantSweep.Parse(["WARPS=2"]).Fitting(both, KernelSources.Embedded));
        Assert.Equal("WARPS=0: must be at least 1, because the launch shape depends on it", Assert.Throws<DataException>(() => VariantSweep.Parse(["WARPS=4,0"]).Fitting(both, KernelSources.Embedded)).Message);
        Assert.StartsWith("no source has a tunable macro WRAPS", Assert.Throws<DataException>(() => VariantSweep.Parse(["WRAPS=4"]).Fitting(both, KernelSources.Embedded)).Message, StringComparison.Ordinal);
        Assert.Equal("no source has all of the macros WARPS, THREADS", Assert.Throws<DataException>(() => VariantSweep.Parse(["WARPS=4", "THREADS=4"]).Fitting(both, KernelSources.Embedded)).Message);
    }

    private static Variant Variant(string name, int value) => new([new(name, value)]);
}
