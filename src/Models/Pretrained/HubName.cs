using System.Text.RegularExpressions;

namespace VideoSim.Models.Pretrained;

/// <summary>Names of encoders on Hugging Face's hub. This program reads folders and downloads nothing.</summary>
public static partial class HubName
{
    /// <summary>What helps if a path of nothing looks like such a name: the end of a message, or nothing.</summary>
    /// <param name="path">The path, such as <c>bert-base-chinese</c> or <c>hfl/chinese-roberta-wwm-ext</c>.</param>
    public static string Advice(string path) => Pattern().IsMatch(path) ? "; if it is a name on Hugging Face's hub, download it first, then name the folder" : "";

    // The owner, then words with the type of the encoder.
    [GeneratedRegex("^([A-Za-z0-9][A-Za-z0-9._-]*/)?(?=[^/]*(bert|roformer))(?=[^/]*[-_])[A-Za-z0-9][A-Za-z0-9._-]*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
