using System.Globalization;
using Google.Protobuf;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Records;
using VideoSim.TensorBoard.Messages;

namespace VideoSim.TensorBoard;

/// <summary>
/// A file of events, as TensorBoard reads it. It is open only while an event is written, so a process that is killed
/// leaves at most one torn event at the end, which readers ignore.
/// </summary>
internal sealed class EventFile
{
    private const string Prefix = "events.out.tfevents.", Suffix = ".videosim", Version = "brain.Event:2";

    private readonly string _path;

    /// <summary>Begins a file.</summary>
    /// <param name="folder">The folder; it is made if there is none.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="Engine.DataException">The file cannot be written; the message names it.</exception>
    public EventFile(string folder, DateTimeOffset now)
    {
        // Readers take files in the order of their names. So the second in the name is later than that of every older
        // file, also if two files begin in one second or the clock is set back.
        long newest = Files(folder).Select(SecondOf).DefaultIfEmpty().Max();
        long second = Math.Max(now.ToUnixTimeSeconds(), newest + 1);
        _path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{second:D10}{Suffix}"));
        Write(new Event { FileVersion = Version }, now);
    }

    /// <summary>The event files of a folder.</summary>
    public static string[] Files(string folder) => FolderListing.FilesIfAny(folder, $"{Prefix}*");

    /// <summary>Appends an event with the time.</summary>
    /// <exception cref="Engine.DataException">The file cannot be written; the message names it.</exception>
    public void Write(Event written, DateTimeOffset now)
    {
        written.WallTime = now.ToUnixTimeMilliseconds() / 1000.0;
        try
        {
            DurableFolder.Make(Path.GetDirectoryName(_path)!);
            using var writer = new TfRecordWriter(new FileStream(_path, FileMode.Append));
            writer.Write(written.ToByteArray());
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_path, e, _path);
        }
    }

    // The second in the name of a file; 0 in other names.
    private static long SecondOf(string path) =>
        long.TryParse(Path.GetFileName(path)[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long second) ? second : 0;
}
