using System.Security.Cryptography;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>
/// The tuning table of a run: tuning.json in its folder, a copy of the file that the command named. The table
/// determines the bits, so args.json has its SHA-256, and a run that continues needs the same table.
/// </summary>
public static class RunTuning
{
    /// <summary>Name of the copy.</summary>
    internal const string Name = "tuning.json";

    private const string Key = "tuning_sha256"; // of args.json; absent without a table

    /// <summary>
    /// The table of a command: the file, or if there is none, the copy of the first run that has one. Folds of one
    /// command then have the same table, also those that begin after the file is gone.
    /// </summary>
    /// <param name="file">The file of <c>--tuning</c>; null if it is not given.</param>
    /// <param name="folders">The folders of the command's runs that are to continue. They need not exist.</param>
    /// <param name="progress">Receives a note if a copy is used.</param>
    /// <returns>The table; null without one.</returns>
    /// <exception cref="DataException">
    /// The file cannot be read, or a copy is damaged; the message names it.
    /// </exception>
    public static TuningTable? Find(string? file, IEnumerable<string> folders, IProgressSink progress)
    {
        var copy = folders.Select(Of).FirstOrDefault(static table => table is not null);
        if (copy is null || (file is not null && PathCheck.IsFile(file)))
            return file is null ? null : TuningTable.Read(file);
        progress.Note($"{copy.Path}: the run continues with this tuning table{(file is null ? "" : $"; {file} is gone")}");
        return copy;
    }

    /// <summary>Adds the table to the arguments of a run.</summary>
    internal static void AddTo(JsonObject arguments, TuningTable? table)
    {
        if (table is not null)
            arguments[Key] = table.Sha256;
    }

    /// <summary>The copy in the folder of a run; null if the run has no table, or its copy is gone.</summary>
    /// <exception cref="DataException">The copy is damaged; the message names it.</exception>
    internal static TuningTable? Of(string folder)
    {
        string file = Path.Combine(folder, Name);
        if (RunFolder.Read(folder) is not { } arguments || !RunArguments.IsOfRun(arguments) || arguments[Key] is not { } hash || !File.Exists(file))
            return null;
        byte[] content = JsonFile.ReadBytes(file);
        if (Convert.ToHexStringLower(SHA256.HashData(content)) != hash.ToString())
            throw new DataException($"{file}: is damaged: its SHA-256 is not that in {RunFolder.FileOfArguments(folder)}");
        return TuningTable.Parse(file, content);
    }

    /// <summary>Writes the copy.</summary>
    /// <exception cref="IOException">The file system failed.</exception>
    internal static void Write(string folder, TuningTable table) => AtomicFile.Write(Path.Combine(folder, Name), stream => stream.Write(table.Content.Span));

    /// <summary>Whether the folder has no copy.</summary>
    internal static bool IsMissing(string folder) => !File.Exists(Path.Combine(folder, Name));
}
