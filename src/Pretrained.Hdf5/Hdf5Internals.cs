using System.Collections;
using System.Reflection;
using PureHDF.VOL.Native;

namespace VideoSim.Pretrained.Hdf5;

/// <summary>
/// What PureHDF knows of an object and does not show: whether it leads to another file, and where its numbers are.
/// Without it the library opens any file that a damaged or hostile file names, and a pipe would make it wait. The
/// version of the package is fixed, and tests read files of both kinds of groups.
/// </summary>
internal static class Hdf5Internals
{
    private const BindingFlags Members = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Whether a group has a link to another file.</summary>
    public static bool HasExternalLinks(NativeGroup group) => Messages(group).SelectMany(message => message.GetType().Name switch
    {
        "LinkMessage" => [message],
        // Links of a large group are in a heap. Without one, the address has all bits.
        "LinkInfoMessage" when Of<ulong>(message, "BTree2NameIndexAddress") is not (ulong.MaxValue or uint.MaxValue) => Heap(group, message),
        _ => Enumerable.Empty<object>(),
    }).Any(static link => Of<object>(link, "LinkInfo").GetType().Name == "ExternalLinkInfo");

    /// <summary>Whether the numbers of a dataset are in other files.</summary>
    public static bool HasExternalNumbers(NativeDataset dataset) => Messages(dataset).Any(static message => message.GetType().Name == "ExternalFileListMessage");

    /// <summary>Position of the numbers of a contiguous dataset.</summary>
    public static ulong AddressOf(NativeDataset dataset)
    {
        object layout = Of<object>(dataset, "InternalDataLayout");
        return Of<ulong>(layout.GetType().GetProperty("Properties", Members) is { } properties ? properties.GetValue(layout)! : layout, "Address");
    }

    private static IEnumerable<object> Messages(NativeObject found) => Of<IEnumerable>(Of<object>(found, "Header"), "HeaderMessages").Cast<object>().Select(static message => Of<object>(message, "Data"));

    private static IEnumerable<object> Heap(NativeGroup group, object message) =>
        ((IEnumerable)typeof(NativeGroup).GetMethod("EnumerateLinkMessagesFromLinkInfoMessage", Members)!.Invoke(group, [message])!).Cast<object>();

    private static T Of<T>(object owner, string name)
    {
        for (var type = owner.GetType(); type is not null; type = type.BaseType)
        {
            if (type.GetProperty(name, Members | BindingFlags.DeclaredOnly) is { } property)
                return (T)property.GetValue(owner)!;
        }
        throw new MissingMemberException(owner.GetType().Name, name);
    }
}
