using System.Text.RegularExpressions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests;

/// <summary>
/// The file system is called in few places, which turn its errors into one line and write files whole. The test reads
/// the sources: a new place must use them, or be added here with its reason.
/// </summary>
public sealed partial class FileCallsTests
{
    // They catch the errors of the file system themselves.
    private static readonly string[] Listing =
    [
        "FolderListing.cs", "AtomicFolder.cs", "ImportFolder.cs", "ImportFiles.cs",
        "LibraryFolders.cs", "NvidiaLibrary.cs", // a folder that cannot be read has no libraries
    ];

    private static readonly string[] Writing =
    [
        "AtomicFile.cs", "AtomicFolder.cs", "DurableFolder.cs", "FolderCalls.cs",
        "FileLock.cs", "RunLock.cs", "ClaimFolder.cs", "FileClaim.cs", // a lock or a claim is no result
        "CsvReporter.cs", "EventFile.cs", "RunMetrics.cs", "RunTiming.cs", // lines are added; the next start cuts a torn one
        "EmulatorBuild.cs", "ImportFolder.cs", "ImportFiles.cs", "ReproductionStart.cs", // in a folder that gets its name when it is complete
        "StandardStream.cs", // opens /dev/null
        "Disassembler.cs", // in a temporary file, for another program
    ];

    [Fact]
    public void Listings_OfFolders_AreMadeInOnePlace() => Assert.DoesNotContain(Places(ListingCall()), static place => !Listing.Contains(place.Split(':')[0]));

    [Fact]
    public void Writes_OfFiles_AreMadeInFewPlaces() => Assert.DoesNotContain(Places(WritingCall()), static place => !Writing.Contains(place.Split(':')[0]));

    // A temporary name is opened with CreateNew, which follows no link. Create would truncate what the link leads to.
    [Fact]
    public void Writes_NeverOpenAnyNameThatExists() => Assert.Empty(Places(TruncatingCall()));

    // The system reports a failed flush once, and .NET's own call does not notice it.
    [Fact]
    public void Flushes_OfFiles_NoticeErrors() => Assert.All(Places(FlushingCall()), static place => Assert.StartsWith("DiskFlush.cs", place, StringComparison.Ordinal));

    private static string[] Places(Regex call)
    {
        string root = Path.Combine(Repository.Root, "src");
        string[] sources = [.. Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories).Where(file => Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar)[1] is not ("bin" or "obj"))];
        Assert.InRange(sources.Length, 400, 4000);
        return [.. from file in sources from Match match in call.Matches(File.ReadAllText(file)) select $"{Path.GetFileName(file)}: {match.Value}"];
    }

    [GeneratedRegex(@"\bDirectory\.(Get(Files|Directories|FileSystemEntries)|Enumerate)\w*|\bnew DirectoryInfo\([^)]*\)\.(Get|Enumerate)\w+")]
    private static partial Regex ListingCall();

    [GeneratedRegex(@"\bFile\.(Write|Append|Create|Copy|Move|Replace)\w*|\bDirectory\.(CreateDirectory|CreateSymbolicLink|Move)\b|\bFileMode\.(Create|CreateNew|Append|OpenOrCreate|Truncate)\b|\bFileAccess\.(Read)?Write\b")]
    private static partial Regex WritingCall();

    [GeneratedRegex(@"\bFileMode\.(Create|Truncate)\b|\bFile\.(Create|CreateText|OpenWrite)\(|new StreamWriter\((?!stream|new FileStream)")]
    private static partial Regex TruncatingCall();

    [GeneratedRegex(@"\bFlushToDisk\b|\bFlush\((flushToDisk: )?true\)")]
    private static partial Regex FlushingCall();
}
