using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;

namespace VideoSim.Tables.Pages;

/// <summary>
/// The tables of instructions in <c>docs/kernels</c>. A part with the mark
/// <c>&lt;!-- from machine code: FAMILY FAMILY --&gt;</c> has the kernels of these families.
/// </summary>
public static class KernelPages
{
    private const string Folder = "docs/kernels", Origin = "machine code";

    /// <summary>The pages that have such parts, made anew.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="table">The instructions.</param>
    /// <param name="launches">The launches to list, from <see cref="InstructionTable.Listed"/>.</param>
    /// <returns>Texts by path from the root, and the families with CUDA sources that are on no page.</returns>
    /// <exception cref="DataException">
    /// A page cannot be read, a mark is wrong, or names a family that is unknown or on another page.
    /// </exception>
    public static (IReadOnlyDictionary<string, string> Texts, IReadOnlyList<string> Missing) Made(string root, InstructionTable table, IReadOnlyList<ListedLaunch> launches)
    {
        var families = new List<string>();
        var pages = new Dictionary<string, string>();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, Folder), "*.md").Order(StringComparer.Ordinal))
        {
            string page = $"{Folder}/{Path.GetFileName(file)}";
            int before = families.Count;
            string made = MarkedPage.Rewrite(page, Encoding.UTF8.GetString(FileFailure.ReadAllBytes(file)), part =>
            {
                if (part.Folder != Origin)
                    throw new DataException($"{page}: a mark is from {Printable.Quote(part.Folder)}, not from {Origin}");
                string[] named = part.Name.Split(' ');
                families.AddRange(named);
                return part with { Text = table.Markdown(launches.Where(of => named.Contains(of.Launch.Kernel.Family))) };
            });
            if (families.Count > before)
                pages[page] = made;
        }
        var known = Catalog.Kernels.Where(static kernel => kernel.Source is not null).Select(static kernel => kernel.Family).ToHashSet();
        string[] wrong = [.. families.Except(known), .. families.CountBy(static family => family).Where(static family => family.Value > 1).Select(static family => family.Key)];
        return wrong.Length == 0 ? (pages, [.. known.Except(families)]) : throw new DataException($"{Folder}: a mark names a family that is unknown or has another mark: {string.Join(", ", wrong)}");
    }
}
