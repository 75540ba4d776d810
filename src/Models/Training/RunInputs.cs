using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Training;

/// <summary>
/// The input files of a run, as they were when it began: inputs.json in its folder. If a run continued with other
/// data, its weights would belong to neither data.
/// </summary>
internal sealed class RunInputs(string folder)
{
    /// <summary>Name of the file.</summary>
    public const string Name = "inputs.json";

    private readonly string _file = Path.Combine(folder, Name);

    /// <summary>Whether inputs.json exists; it is written when a run begins.</summary>
    public bool Exist => File.Exists(_file);

    /// <summary>Deletes inputs.json, for a start without results.</summary>
    public void Delete() => File.Delete(_file);

    /// <summary>
    /// Refuses files that differ from those that the run read. Only the folders of these files are compared.
    /// </summary>
    /// <exception cref="DataException">A file has changed, is new or is gone; the message names it.</exception>
    public void RequireSame(IReadOnlyList<FileDigest> now)
    {
        var folders = now.Select(static digest => Path.GetDirectoryName(digest.Path)).ToHashSet();
        var earlier = (Read() ?? []).Where(digest => folders.Contains(Path.GetDirectoryName(digest.Path))).ToList();
        if (earlier.Count > 0 && Difference(earlier, now.Select(static digest => digest.Path), path => now.First(digest => digest.Path == path)) is { } difference)
            throw new DataException($"{folder} has been trained on other data: {difference} since it began");
    }

    /// <summary>
    /// Writes inputs.json for a run that begins. For a run that continues, compares the inputs with inputs.json.
    /// </summary>
    /// <exception cref="DataException">A file has changed, is new or is gone; the message names it.</exception>
    public void Require(IReadOnlyList<FileDigest> now)
    {
        if (Read() is not { } earlier)
        {
            AtomicFile.Write(_file, stream => JsonSerializer.Serialize(stream, now, InputsJson.Default.IReadOnlyListFileDigest));
            return;
        }
        if (Difference(earlier, now.Select(static digest => digest.Path), path => now.First(digest => digest.Path == path)) is { } difference)
            throw new DataException(Refusal(folder, difference));
    }

    /// <summary>The error of a run that cannot continue.</summary>
    public static string Refusal(string folder, string change) => $"{folder} cannot continue: {change} since the run began; choose another --output-dir, or restore the old file";

    /// <summary>
    /// The first of some files that has changed since the run began, or null. Files that the run did not read are
    /// ignored.
    /// </summary>
    public string? Changed(IEnumerable<string> files)
    {
        var earlier = Read() ?? [];
        return files.Select(Path.GetFullPath).FirstOrDefault(path => earlier.Any(digest => digest.Path == path && digest != FileDigest.OfContent(path)));
    }

    /// <summary>
    /// The change of the inputs since the run began, or null. Video files are read again only if their size has
    /// changed or they were written after the run began, because the challenge's have 200 GB.
    /// </summary>
    public string? Change(IVideoFormat format, IEnumerable<string> videoFiles, IEnumerable<string> otherFiles, CancellationToken cancellation)
    {
        if (Read() is not { } earlier)
            return null;
        var began = File.GetLastWriteTimeUtc(_file);
        string[] videos = [.. videoFiles.Select(Path.GetFullPath)], others = [.. otherFiles.Select(Path.GetFullPath)];
        return Difference(earlier, [.. videos, .. others], path =>
        {
            var file = new FileInfo(path);
            if (!file.Exists)
                return null;
            if (others.Contains(path))
                return FileDigest.OfContent(path);
            var known = earlier.First(digest => digest.Path == path);
            return file.Length == known.Bytes && file.LastWriteTimeUtc <= began ? known : format.Digest(path, cancellation);
        });
    }

    private static string? Difference(IReadOnlyList<FileDigest> earlier, IEnumerable<string> paths, Func<string, FileDigest?> now)
    {
        var rest = paths.ToHashSet();
        foreach (var digest in earlier)
        {
            if (!rest.Contains(digest.Path) && rest.FirstOrDefault(path => Path.GetFileName(path) == Path.GetFileName(digest.Path) && earlier.All(known => known.Path != path)) is { } other)
                return $"it reads {Printable.OneLine(other)} instead of {Printable.OneLine(digest.Path)}";
            if (!rest.Remove(digest.Path) || now(digest.Path) is not { } found)
                return $"{Printable.OneLine(digest.Path)} is gone";
            if (found != digest)
                return $"{Printable.OneLine(digest.Path)} has changed";
        }
        return rest.Count == 0 ? null : $"{rest.Order(StringComparer.Ordinal).First()} is new";
    }

    private IReadOnlyList<FileDigest>? Read() => Exist ? Parse(_file, JsonFile.ReadBytes(_file)) : null;

    /// <summary>The entries in the bytes of an inputs.json.</summary>
    /// <exception cref="DataException">
    /// An entry is not a path, a size and a hash; the message names the file.
    /// </exception>
    public static IReadOnlyList<FileDigest> Parse(string file, ReadOnlySpan<byte> content)
    {
        var entries = JsonFile.Parse(file, content, InputsJson.Default.IReadOnlyListFileDigest);
        for (int i = 0; i < entries.Count; i++)
        {
            if (entries[i] is not { Path.Length: > 0, Bytes: >= 0, Sha256.Length: > 0 })
                throw new DataException($"{file}: entry {i + 1} is not a path, a size and a SHA-256");
        }
        return entries;
    }
}

/// <summary>JSON of a run's inputs.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<FileDigest>))]
internal sealed partial class InputsJson : JsonSerializerContext;
