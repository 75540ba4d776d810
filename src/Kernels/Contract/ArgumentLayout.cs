using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace VideoSim.Kernels.Contract;

/// <summary>
/// Size and field offsets of an argument struct. The CUDA compiler and the emulator's build get them as static
/// assertions, so a struct that differs between the languages does not compile.
/// </summary>
public sealed class ArgumentLayout
{
    private ArgumentLayout(string name, int size, IReadOnlyList<(string Name, int Offset)> fields, IReadOnlyList<ArgumentLayout> parts) =>
        (Name, Size, Offsets, Parts) = (name, size, fields, parts);

    /// <summary>Name of the struct, the same in both languages.</summary>
    public string Name { get; }

    /// <summary>Size in bytes.</summary>
    public int Size { get; }

    /// <summary>Every field with its byte offset, in order.</summary>
    public IReadOnlyList<(string Name, int Offset)> Offsets { get; }

    /// <summary>Structs that fields hold or point to.</summary>
    public IReadOnlyList<ArgumentLayout> Parts { get; }

    /// <summary>Reads the layout of an unmanaged struct.</summary>
    public static ArgumentLayout Of<TArgs>() where TArgs : unmanaged => Of(typeof(TArgs));

    /// <summary>C++ text that defines the macro OFFSET_OF, which the assertions use: NVRTC has no offsetof, but its own operator.</summary>
    public const string OffsetMacro = """
        #if defined(__CUDACC_RTC__)
        #define OFFSET_OF(type, field) __INTADDR__(&((type*)0)->field)
        #else
        #define OFFSET_OF(type, field) __builtin_offsetof(type, field)
        #endif

        """;

    /// <summary>C++ text that fails to compile unless the struct there, and those it holds or points to, have this very layout.</summary>
    public string StaticAssertions()
    {
        var text = new StringBuilder(string.Concat(Parts.Select(static part => part.StaticAssertions())));
        text.Append($"static_assert(sizeof({Name}) == {Size}, \"{Name}: size differs from C#\");\n");
        foreach (var (field, offset) in Offsets)
            text.Append($"static_assert(OFFSET_OF({Name}, {field}) == {offset}, \"{Name}.{field}: offset differs from C#\");\n");
        return text.ToString();
    }

    // The trimmer keeps every field of a struct with sequential layout that is in use, which arguments and their parts are.
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "fields of structs are kept")]
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "fields of structs are kept")]
    private static ArgumentLayout Of(Type type)
    {
        var fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        var offsets = fields.Select(field => (field.Name, (int)Marshal.OffsetOf(type, field.Name))).OrderBy(static field => field.Item2);
        var parts = fields.Select(static field => field.FieldType.IsPointer ? field.FieldType.GetElementType()! : field.FieldType)
            .Where(static part => part is { IsPrimitive: false, IsEnum: false, IsValueType: true } && part != typeof(void) && !part.IsDefined(typeof(UnsafeValueTypeAttribute)));
        return new ArgumentLayout(type.Name, Marshal.SizeOf(type), [.. offsets], [.. parts.Distinct().Select(Of)]);
    }
}
