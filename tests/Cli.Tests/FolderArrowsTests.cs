using System.Text.RegularExpressions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests;

/// <summary>
/// The arrows between the folders of a project point one way, like those between projects. The test reads them from
/// the sources.
/// </summary>
public sealed partial class FolderArrowsTests
{
    [Theory]
    [InlineData("Kernels")]
    [InlineData("Engine")]
    [InlineData("Models")]
    [InlineData("Cli")]
    [InlineData("PtxMachine")]
    public void Folders_OfAProject_FormNoCycle(string project)
    {
        var arrows = Arrows(project);
        Assert.NotEmpty(arrows);
        string cycle = Cycle(arrows);
        Assert.True(cycle.Length == 0, cycle);
    }

    // In Kernels, families that exist for one model keep the field's names, and so do the fields of their arguments.
    [Fact]
    public void Engine_Words_AreThoseOfAnyNetwork()
    {
        string root = Path.Combine(Repository.Root, "src", "Engine");
        Assert.Empty(from file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
                     where !file[root.Length..].Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                     from word in FieldWord().Matches(File.ReadAllText(file))
                     select $"{Path.GetFileName(file)}: {word.Value}");
    }

    [Fact]
    public void Cycle_OfThreeFolders_IsPrinted() =>
        Assert.Equal("A -> B (a.cs) -> C (b.cs) -> A (c.cs)", Cycle(new() { ["A"] = new() { ["B"] = "a.cs" }, ["B"] = new() { ["C"] = "b.cs" }, ["C"] = new() { ["A"] = "c.cs" } }));

    // For each folder those that it uses, each with a file that does.
    private static Dictionary<string, Dictionary<string, string>> Arrows(string project)
    {
        string root = Path.Combine(Repository.Root, "src", project);
        var sources = (from file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
                       let parts = Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar)
                       where parts.Length > 1 && parts[0] is not ("bin" or "obj")
                       select (Folder: parts[0], Name: parts[^1], Text: Comment().Replace(File.ReadAllText(file), ""))).ToList();
        var types = sources.SelectMany(static source => Declaration().Matches(source.Text).Select(match => (source.Folder, Type: match.Groups[1].Value))).ToHashSet();
        var arrows = sources.Select(static source => source.Folder).Distinct().ToDictionary(static folder => folder, static _ => new Dictionary<string, string>());
        foreach (var (folder, name, text) in sources)
        {
            var used = Using().Matches(text).Where(match => match.Groups[1].Value == project).Select(static match => match.Groups[2].Value)
                .Concat(Qualified().Matches(text).Where(match => types.Contains((match.Groups[1].Value, match.Groups[2].Value))).Select(static match => match.Groups[1].Value));
            foreach (string other in used.Where(other => other != folder && arrows.ContainsKey(other)))
                arrows[folder].TryAdd(other, name);
        }
        return arrows;
    }

    // The first cycle that a walk along the arrows meets, or nothing.
    private static string Cycle(Dictionary<string, Dictionary<string, string>> arrows)
    {
        var done = new HashSet<string>();
        return arrows.Keys.Order(StringComparer.Ordinal).Select(folder => Walk(folder, [])).FirstOrDefault(static cycle => cycle.Length > 0, "");

        string Walk(string folder, List<string> path)
        {
            int start = path.IndexOf(folder);
            if (start >= 0)
                return string.Concat(path[start..].Append(folder).Zip(path[start..].Append(folder).Skip(1), (a, b) => (a, b)).Select((step, i) => $"{(i == 0 ? step.a : "")} -> {step.b} ({arrows[step.a][step.b]})"));
            if (done.Contains(folder))
                return "";
            string cycle = arrows[folder].Keys.Select(other => Walk(other, [.. path, folder])).FirstOrDefault(static cycle => cycle.Length > 0, "");
            done.Add(folder);
            return cycle;
        }
    }

    [GeneratedRegex(@"(?<!stack )\b(videos?|tokens?|tags?|frames?|titles?)\b")]
    private static partial Regex FieldWord();

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^using (?:static )?VideoSim\.(\w+)\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"(?<![\w.])(\w+)\.([A-Z]\w*)")]
    private static partial Regex Qualified();

    [GeneratedRegex(@"\b(?:class|struct|record|enum|interface|record struct) ([A-Z]\w*)")]
    private static partial Regex Declaration();
}
