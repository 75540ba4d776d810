using System.Globalization;
using System.Security.Cryptography;

namespace VideoSim.Fuzz;

/// <summary>The findings of one format. The first input of each cause is saved.</summary>
/// <param name="folder">Folder of all formats; inputs go to a folder of the format in it.</param>
/// <param name="format">The format.</param>
internal sealed class Findings(string folder, Format format)
{
    private readonly HashSet<(string Oracle, string Cause)> _causes = [];

    /// <summary>Number of causes.</summary>
    public int Count => _causes.Count;

    /// <summary>Adds a finding. A new cause is printed.</summary>
    public void Add(Finding finding, byte[] input)
    {
        if (_causes.Add((finding.Oracle, finding.Cause)))
            Console.WriteLine($"FINDING {format.Name}: {Shown(finding.Detail)}\n  {Save(folder, format.Name, finding.Oracle, input)}");
    }

    /// <summary>Saves an input as FORMAT/ORACLE-HASH.</summary>
    public static string Save(string folder, string format, string oracle, byte[] input)
    {
        string path = Path.Combine(folder, format, $"{oracle}-{Convert.ToHexStringLower(SHA256.HashData(input))[..12]}");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, input);
        return path;
    }

    /// <summary>A text that a finding may have, without what a terminal would execute.</summary>
    public static string Shown(string text)
    {
        const int Longest = 300;
        string shown = string.Concat(text.Take(Longest).Select(static c => c is >= ' ' and < '\u007f' ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")));
        return text.Length > Longest ? $"{shown}..." : shown;
    }
}
