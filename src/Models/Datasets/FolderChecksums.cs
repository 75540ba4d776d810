using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>
/// The SHA-256 of every file in a folder that this program has written. A checkpoint has them in trainer_state.json,
/// any other model or encoder in checksums.json. A folder from elsewhere has none.
/// </summary>
internal static class FolderChecksums
{
    /// <summary>Name of the list in the folder of a model or an encoder.</summary>
    public const string Name = "checksums.json";

    /// <summary>Name of the state in a checkpoint.</summary>
    public const string State = "trainer_state.json";

    /// <summary>Beginning of a checkpoint's name.</summary>
    public const string CheckpointPrefix = "checkpoint-";

    // Key of the list in the state.
    private const string Files = "files";

    /// <summary>The step in the name of a checkpoint; -1 for any other name.</summary>
    public static long StepOf(string name) => name.StartsWith(CheckpointPrefix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan(CheckpointPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step)
        && name == string.Create(CultureInfo.InvariantCulture, $"{CheckpointPrefix}{step}") ? step : -1;

    /// <summary>The steps of the checkpoints in the folder of a run, in no order.</summary>
    /// <exception cref="DataException">The folder cannot be read.</exception>
    public static IReadOnlyList<long> StepsIn(string run) =>
        [.. FolderListing.Folders(run, CheckpointPrefix + "*").Select(static path => StepOf(Path.GetFileName(path))).Where(static step => step >= 0)];

    /// <summary>The files of a folder that is being written, with their hashes, by name.</summary>
    public static Dictionary<string, string> Of(AtomicFolder folder) =>
        folder.Files.OrderBy(static file => file.Name, StringComparer.Ordinal).ToDictionary(static file => file.Name, static file => file.Sha256);

    /// <summary>Adds checksums.json with the files that a folder has so far.</summary>
    public static void Add(AtomicFolder folder) => folder.Add(Name, stream => JsonSerializer.Serialize(stream, Of(folder), ChecksumJson.Default.DictionaryStringString));

    /// <summary>The error in a trainer_state.json that has changed since it was written, or null.</summary>
    /// <param name="state">Its content. A state of an older version has no hash.</param>
    public static string? FaultOf(JsonObject state)
    {
        bool isOlder = !state.ContainsKey(JsonSeal.Key) && !state.ContainsKey(Files);
        return isOlder || (JsonSeal.IsWhole(state) && state[Files] is JsonObject) ? null : $"has changed since it was written: {JsonSeal.Key} is not that of its content";
    }

    /// <summary>
    /// The exception to throw for a damaged checkpoint: it also names the newest older one that is whole.
    /// </summary>
    /// <param name="checkpoint">Its folder.</param>
    /// <param name="fault">Names the file and the damage.</param>
    public static DataException Damaged(string checkpoint, string fault) => new(fault + AdviceForCheckpoint(checkpoint));

    /// <summary>Refuses a folder of this program in which a file has changed, is gone or is new.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="isModel">
    /// Whether it is known to be the folder of a model. Other programs write a trainer_state.json beside an encoder.
    /// </param>
    /// <param name="used">Names of the files that the caller reads if they exist.</param>
    /// <returns>
    /// A warning for the user if the folder is a checkpoint of an older version, which has no hashes; otherwise null.
    /// </returns>
    /// <exception cref="DataException">
    /// A file is not as it was written, or the list is damaged; the message names the file and, for a checkpoint, the
    /// newest older one that is whole.
    /// </exception>
    public static string? Require(string folder, bool isModel, params IEnumerable<string> used)
    {
        string state = Path.Combine(folder, State);
        bool isCheckpoint = File.Exists(state) && (isModel || JsonFile.ReadBytes(state).AsSpan().IndexOf("\"metrics_bytes\""u8) >= 0);
        if (Fault(folder, isCheckpoint, used, out bool hasList) is { } fault)
            throw isCheckpoint ? Damaged(folder, fault) : new DataException($"{fault}; restore the file, or delete {Path.Combine(folder, Name)} to use the folder as it is");
        return hasList || !isCheckpoint ? null
            : "warning: this checkpoint of an older version of the program has no checksums, so its files are not checked";
    }

    // The first fault of a folder. A list that is damaged is a fault itself.
    private static string? Fault(string folder, bool isCheckpoint, IEnumerable<string> used, out bool hasList)
    {
        string list = isCheckpoint ? State : Name;
        hasList = false;
        Dictionary<string, string> listed;
        try
        {
            if (Read(Path.Combine(folder, list), isCheckpoint) is not { } found)
                return null;
            (listed, hasList) = (found, true);
        }
        catch (DataException e) when (e.InnerException is not UnauthorizedAccessException)
        {
            return e.Message;
        }
        if (used.FirstOrDefault(name => !listed.ContainsKey(name) && File.Exists(Path.Combine(folder, name))) is { } added)
            return $"{Path.Combine(folder, added)}: was added to {folder} later: {list} does not list it";
        foreach (string file in listed.Keys.Select(name => Path.Combine(folder, name)))
        {
            if (!File.Exists(file))
                return Directory.Exists(file) ? $"{file}: is a folder, but {list} lists a file" : $"{file}: is gone from {folder}: {list} lists it";
            if (FaultOfSize(file) is { } fault)
                return $"{file}: has changed since {folder} was written: {fault}";
        }
        return listed.FirstOrDefault(file => FileDigest.Hash(Path.Combine(folder, file.Key), HashAlgorithmName.SHA256).Hash != file.Value).Key is { } changed
            ? $"{Path.Combine(folder, changed)}: has changed since {folder} was written: its SHA-256 is not that in {list}" : null;
    }

    // A file can have changed into one that takes hours to hash. The header of weights tells their size.
    private static string? FaultOfSize(string file)
    {
        if (!file.EndsWith(SafetensorsFormat.Extension, StringComparison.Ordinal))
            return new FileInfo(file).Length > FileLimit.Small.Bytes ? $"it {FileLimit.Small.Refusal}" : null;
        try
        {
            SafetensorsReader.Open(file).Dispose();
            return null;
        }
        catch (DataException e) when (e.InnerException is not UnauthorizedAccessException)
        {
            return e.Message.Replace($"{file}: ", "", StringComparison.Ordinal);
        }
    }

    // Null if there is no list.
    private static Dictionary<string, string>? Read(string file, bool isCheckpoint)
    {
        if (!File.Exists(file) && !Directory.Exists(file))
            return null;
        var all = JsonFile.ReadObject(file);
        if (!isCheckpoint)
            return Names(file, all);
        if (FaultOf(all) is { } fault)
            throw new DataException($"{file}: {fault}");
        return all[Files] is JsonObject files ? Names(file, files) : null;
    }

    // No name leaves the folder.
    private static Dictionary<string, string> Names(string file, JsonObject files)
    {
        var listed = new Dictionary<string, string>();
        foreach (var (name, value) in files)
        {
            if (name.Length == 0 || name is "." or ".." || Printable.OneLine(name) != name || name.AsSpan().ContainsAny('/', '\\', '\0') || value is not JsonValue text || !text.TryGetValue(out string? hash)
                || hash.Length != 2 * SHA256.HashSizeInBytes || !hash.All(char.IsAsciiHexDigitLower))
            {
                throw new DataException($"{file}: {Printable.Quote(name)} is not the name of a file with its SHA-256");
            }
            listed.Add(name, hash);
        }
        return listed;
    }

    // The end of a message: what helps.
    private static string AdviceForCheckpoint(string checkpoint)
    {
        string full = Path.GetFullPath(checkpoint), run = Path.GetDirectoryName(full) ?? "";
        long step = StepOf(Path.GetFileName(full));
        long[] others = step < 0 ? [] : [.. StepsIn(run).Where(other => other > 0 && other != step).OrderDescending()];
        if (step < 0 || (step == 0 && others.Length > 0))
            return "; restore the file";
        var damaged = new List<string> { checkpoint };
        foreach (long older in others.Where(other => other < step))
        {
            string name = $"{CheckpointPrefix}{older}";
            if (IsWhole(Path.Combine(run, name)))
                return $"; {name} is whole: delete {string.Join(" and ", damaged)}, and the run continues from step {older}";
            damaged.Add(Path.Combine(run, name));
        }
        return $"; no older checkpoint is known to be whole: restore the file, or delete {string.Join(" and ", damaged)}, and the run begins at step 0";
    }

    private static bool IsWhole(string checkpoint)
    {
        try
        {
            return Fault(checkpoint, isCheckpoint: true, [], out bool hasList) is null && hasList;
        }
        catch (DataException)
        {
            return false;
        }
    }
}

/// <summary>JSON of checksums.json.</summary>
[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class ChecksumJson : JsonSerializerContext;
