using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace VideoSim.Kernels.Contract;

/// <summary>
/// Size and field offsets of an argument struct. The CUDA compiler and the build of the emulator get them as static
/// assertions. So a struct that differs between the languages does not compile.
/// </summary>
public sealed class ArgumentLayout
{
    private readonly Type[] _types; // of the fields, in the order of Offsets

    private ArgumentLayout(string name, int size, IReadOnlyList<(string Name, int Offset)> fields, Type[] types, IReadOnlyList<ArgumentLayout> parts)
    {
        (Name, Size, Offsets, _types, Parts) = (name, size, fields, types, parts);
        Pointers = [.. fields.SelectMany((field, i) => PointersOf(types[i]).Select(offset => field.Offset + offset))];
    }

    /// <summary>Name of the struct, the same in both languages.</summary>
    public string Name { get; }

    /// <summary>Size in bytes.</summary>
    public int Size { get; }

    /// <summary>Every field with its byte offset, in order.</summary>
    public IReadOnlyList<(string Name, int Offset)> Offsets { get; }

    /// <summary>Structs that fields contain or point to.</summary>
    public IReadOnlyList<ArgumentLayout> Parts { get; }

    /// <summary>Byte offset of every pointer, also of those in structs that fields contain.</summary>
    public IReadOnlyList<int> Pointers { get; }

    /// <summary>Names of the 32-bit and 64-bit integers among the fields: sizes, counts and switches.</summary>
    public IReadOnlyList<string> Integers => [.. Offsets.Select(static offset => offset.Name).Where(name => IntegerAt(name) is not null)];

    /// <summary>Byte offset and bytes of an integer field; null if there is no integer of that name.</summary>
    public (int Offset, int Bytes)? IntegerAt(string name)
    {
        for (int i = 0; i < Offsets.Count; i++)
        {
            if (Offsets[i].Name == name)
                return _types[i] == typeof(int) ? (Offsets[i].Offset, sizeof(int)) : _types[i] == typeof(long) ? (Offsets[i].Offset, sizeof(long)) : null;
        }
        return null;
    }

    /// <summary>The value of an integer field.</summary>
    /// <param name="name">One of <see cref="Integers"/>.</param>
    /// <param name="args">The struct.</param>
    public unsafe long ReadInteger(string name, void* args)
    {
        var (offset, bytes) = IntegerAt(name) ?? throw new ArgumentException($"{Name} has no integer {name}");
        byte* field = (byte*)args + offset;
        return bytes == sizeof(long) ? *(long*)field : *(int*)field;
    }

    /// <summary>Reads the layout of an unmanaged struct.</summary>
    public static ArgumentLayout Of<TArgs>() where TArgs : unmanaged => Of(typeof(TArgs));

    /// <summary>
    /// C++ text that defines the macro OFFSET_OF for the assertions. NVRTC has no offsetof. It has an undocumented
    /// operator instead, which another version of NVRTC may not have.
    /// </summary>
    public const string OffsetMacro = """
        #if defined(__CUDACC_RTC__)
        #define OFFSET_OF(type, field) __INTADDR__(&((type*)0)->field)
        #else
        #define OFFSET_OF(type, field) __builtin_offsetof(type, field)
        #endif

        """;

    /// <summary>
    /// C++ text that does not compile unless the CUDA struct, and the structs that it contains or points to, have this
    /// layout.
    /// </summary>
    /// <param name="ofOffsets">
    /// True to check sizes of structs and fields, and offsets by OFFSET_OF; false to check sizes only.
    /// </param>
    public string StaticAssertions(bool ofOffsets = true)
    {
        var text = new StringBuilder(string.Concat(Parts.Select(part => part.StaticAssertions(ofOffsets))));
        text.Append($"static_assert(sizeof({Name}) == {Size}, \"{Name}: size differs from C#\");\n");
        foreach (var ((field, _), type) in Offsets.Zip(_types))
            text.Append($"static_assert(sizeof({Name}::{field}) == {SizeOf(type)}, \"{Name}.{field}: size differs from C#\");\n");
        foreach (var (field, offset) in ofOffsets ? Offsets : [])
            text.Append($"static_assert(OFFSET_OF({Name}, {field}) == {offset}, \"{Name}.{field}: offset differs from C#\");\n");
        return text.ToString();
    }

    /// <summary>
    /// The fields of a struct by name and value, such as <c>{X=0x7f0000000200, Rows=3}</c>: for messages.
    /// </summary>
    /// <param name="data">The struct's bytes, at least <see cref="Size"/>.</param>
    public string Describe(ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder("{");
        for (int i = 0; i < Offsets.Count; i++)
            text.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}{Offsets[i].Name}={ValueOf(_types[i], data[Offsets[i].Offset..])}");
        return text.Append('}').ToString();
    }

    private string ValueOf(Type type, ReadOnlySpan<byte> data) => type.IsPointer ? $"0x{MemoryMarshal.Read<ulong>(data):x}"
        : Type.GetTypeCode(type) switch
        {
            TypeCode.Int32 => Number<int>(data), // enumerations, too
            TypeCode.UInt32 => Number<uint>(data),
            TypeCode.Int64 => Number<long>(data),
            TypeCode.UInt64 => Number<ulong>(data),
            TypeCode.Single => Number<float>(data),
            TypeCode.Double => Number<double>(data),
            _ => ElementsOf(type) is (var element, > 1 and var length) ? ArrayOf(element, length, data) : PartOf(type)?.Describe(data) ?? "...",
        };

    private string ArrayOf(Type element, int length, ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder("[");
        for (int i = 0; i < length; i++)
            text.Append(i == 0 ? "" : ", ").Append(ValueOf(element, data[(i * SizeOf(element))..]));
        return text.Append(']').ToString();
    }

    private static int SizeOf(Type type) => type.IsPointer ? nint.Size : Marshal.SizeOf(type.IsEnum ? Enum.GetUnderlyingType(type) : type);

    private IEnumerable<int> PointersOf(Type type)
    {
        if (type.IsPointer)
            return [0];
        var (element, length) = ElementsOf(type);
        return PartOf(element) is { } part ? Enumerable.Range(0, length).SelectMany(i => part.Pointers.Select(offset => i * part.Size + offset)) : [];
    }

    private ArgumentLayout? PartOf(Type type) => Parts.FirstOrDefault(part => part.Name == type.Name);

    private static string Number<T>(ReadOnlySpan<byte> data) where T : unmanaged, IFormattable => MemoryMarshal.Read<T>(data).ToString(null, CultureInfo.InvariantCulture);

    // The trimmer keeps all fields of a used struct with sequential layout. Arguments and their parts are such
    // structs.
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "fields of structs are kept")]
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "fields of structs are kept")]
    private static ArgumentLayout Of(Type type)
    {
        var fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        var ordered = fields.Select(field => (field.Name, Offset: (int)Marshal.OffsetOf(type, field.Name), Type: field.FieldType)).OrderBy(static field => field.Offset).ToArray();
        var parts = fields.Select(static field => field.FieldType.IsPointer ? field.FieldType.GetElementType()! : ElementsOf(field.FieldType).Element)
            .Where(static part => part is { IsPrimitive: false, IsEnum: false, IsValueType: true } && part != typeof(void) && !part.IsDefined(typeof(UnsafeValueTypeAttribute)));
        return new ArgumentLayout(type.Name, Marshal.SizeOf(type), [.. ordered.Select(static field => (field.Name, field.Offset))],
            [.. ordered.Select(static field => field.Type)], [.. parts.Distinct().Select(Of)]);
    }

    // An array of fixed length is a struct with the attribute and one field. Any other type is one element.
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "fields of structs are kept")]
    private static (Type Element, int Length) ElementsOf(Type type) => type.GetCustomAttribute<InlineArrayAttribute>() is { } array
        ? (type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)[0].FieldType, array.Length) : (type, 1);
}
