namespace VideoSim.Fuzz.Formats;

/// <summary>The small published encoder in tests/Golden, in every container.</summary>
internal static class PublishedFiles
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Seeds", "bert");

    /// <summary>The content of one of its files.</summary>
    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    /// <summary>Copies files of it.</summary>
    public static void Copy(string folder, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            File.Copy(Path.Combine(Folder, name), Path.Combine(folder, name), overwrite: true);
    }
}
