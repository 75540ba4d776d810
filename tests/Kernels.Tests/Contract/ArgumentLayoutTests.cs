using System.Reflection;
using System.Runtime.CompilerServices;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Kernels.Tests.Contract;

public sealed unsafe class ArgumentLayoutTests
{
    [Fact]
    public void Of_StructWithPartsAndPointers_GivesEveryOffset()
    {
        var layout = ArgumentLayout.Of<OuterArgs>();
        Assert.Equal(32, layout.Size);
        Assert.Equal([("Values", 0), ("Held", 8), ("Count", 24)], layout.Offsets);
    }

    // Those of a struct that a field points to are not in the arguments.
    [Fact]
    public void Pointers_StructWithParts_AreItsOwnAndThoseOfItsParts()
    {
        Assert.Equal([0, 8], ArgumentLayout.Of<OuterArgs>().Pointers);
        Assert.Empty(ArgumentLayout.Of<PointedPart>().Pointers);
    }

    // The engine finds the last reader of a tensor by the pointers of the arguments. A number that is an address would
    // hide one.
    [Fact]
    public void Fields_OfEveryKernel_AreNoAddressesOtherThanPointers() =>
        Assert.All(Catalog.Kernels, static kernel => Assert.All(FieldTypes(kernel.GetType().GetGenericArguments()[0]), static type => Assert.True(type != typeof(nint) && type != typeof(nuint))));

    private static IEnumerable<Type> FieldTypes(Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Select(static field => field.FieldType)
        .SelectMany(static field => field.IsPrimitive || field.IsPointer || field.IsEnum ? [field] : FieldTypes(field));

    [Fact]
    public void StaticAssertions_StructWithParts_CoverThemFirst()
    {
        string text = ArgumentLayout.Of<OuterArgs>().StaticAssertions();
        Assert.Contains("static_assert(sizeof(OuterArgs) == 32,", text, StringComparison.Ordinal);
        Assert.Contains("static_assert(OFFSET_OF(HeldPart, Second) == 8,", text, StringComparison.Ordinal);
        Assert.Contains("static_assert(OFFSET_OF(PointedPart, Table) == 4,", text, StringComparison.Ordinal);
        Assert.DoesNotContain("FixedElementField", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_StructWithParts_GivesEveryFieldByName()
    {
        var args = new OuterArgs { Values = (float*)0x1200, Held = new HeldPart { First = (PointedPart*)0xf00, Second = 7 }, Count = -3 };
        Assert.Equal("{Values=0x1200, Held={First=0xf00, Second=7}, Count=-3}", ArgumentLayout.Of<OuterArgs>().Describe(new ReadOnlySpan<byte>(&args, sizeof(OuterArgs))));
    }

    [Fact]
    public void Of_StructWithAnArrayOfParts_HasThePointersAndTheSizeOfEach()
    {
        var layout = ArgumentLayout.Of<ArrayArgs>();
        Assert.Equal(64, layout.Size);
        Assert.Equal([("Count", 0), ("Held", 8), ("Last", 56)], layout.Offsets);
        Assert.Equal([8, 24, 40, 56], layout.Pointers);
        string text = layout.StaticAssertions();
        Assert.Contains("static_assert(sizeof(ArrayArgs::Held) == 48,", text, StringComparison.Ordinal);
        Assert.Contains("static_assert(OFFSET_OF(HeldPart, Second) == 8,", text, StringComparison.Ordinal);
        Assert.DoesNotContain("HeldParts", text, StringComparison.Ordinal);
        var args = new ArrayArgs { Count = 2, Last = (float*)0x1200 };
        args.Held[1] = new HeldPart { First = (PointedPart*)0xf00, Second = 7 };
        Assert.Equal("{Count=2, Held=[{First=0x0, Second=0}, {First=0xf00, Second=7}, {First=0x0, Second=0}], Last=0x1200}", layout.Describe(new ReadOnlySpan<byte>(&args, sizeof(ArrayArgs))));
    }

    public struct PointedPart
    {
        public uint Number;
        public fixed float Table[5];
    }

    public struct HeldPart
    {
        public PointedPart* First;
        public ulong Second;
    }

    public struct OuterArgs
    {
        public float* Values;
        public HeldPart Held;
        public int Count;
    }

    public struct ArrayArgs
    {
        public int Count;
        public HeldParts Held;
        public float* Last;
    }

    [InlineArray(3)]
    public struct HeldParts
    {
        private HeldPart _first;
    }
}
