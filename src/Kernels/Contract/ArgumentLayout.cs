using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace VideoSim.Kernels.Contract;

/// <summary>
/// Size and field offsets of an argument struct. The CUDA compiler and the emulator's build get them as static
/// assertions, so a struct that differs between the languages does not compile.
/// </summary>
public sealed class ArgumentLayout
{
    internal const DynamicallyAccessedMemberTypes Fields =
        DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields;

    private ArgumentLayout(string name, int size, IReadOnlyList<(string Name, int Offset)> fields) =>
        (Name, Size, Offsets) = (name, size, fields);

    /// <summary>Name of the struct, the same in both languages.</summary>
    public string Name { get; }

    /// <summary>Size in bytes.</summary>
    public int Size { get; }

    /// <summary>Every field with its byte offset, in order.</summary>
    public IReadOnlyList<(string Name, int Offset)> Offsets { get; }

    /// <summary>Reads the layout of an unmanaged struct.</summary>
    public static ArgumentLayout Of<[DynamicallyAccessedMembers(Fields)] TArgs>() where TArgs : unmanaged
    {
        var offsets = typeof(TArgs).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(field => (field.Name, (int)Marshal.OffsetOf<TArgs>(field.Name))).OrderBy(field => field.Item2).ToArray();
        int size;
        unsafe
        {
            size = sizeof(TArgs);
        }
        return new ArgumentLayout(typeof(TArgs).Name, size, offsets);
    }

    /// <summary>C++ text that fails to compile unless the struct there has this very layout.</summary>
    public string StaticAssertions()
    {
        var text = new StringBuilder();
        text.Append($"static_assert(sizeof({Name}) == {Size}, \"{Name}: size differs from C#\");\n");
        foreach (var (field, offset) in Offsets)
            text.Append($"static_assert(__builtin_offsetof({Name}, {field}) == {offset}, \"{Name}.{field}: offset differs from C#\");\n");
        return text.ToString();
    }
}
