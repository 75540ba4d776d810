using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_NewFileInMissingFolder_LeavesOnlyTheFile()
    {
        AtomicFile.Write(_folder["a/b/file.bin"], stream => stream.Write([1, 2, 3]));

        Assert.Equal(["a", "a/b", "a/b/file.bin"], _folder.Listing);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder["a/b/file.bin"]));
    }

    [Fact]
    public void Write_OldFile_IsVisibleUntilTheNewOneIsComplete()
    {
        File.WriteAllText(_folder["file"], "old");
        AtomicFile.Write(_folder["file"], stream =>
        {
            stream.Write("new"u8);
            stream.Flush();
            Assert.Equal("old", File.ReadAllText(_folder["file"]));
        });

        Assert.Equal("new", File.ReadAllText(_folder["file"]));
    }

    // A writer has a lock on its file; a process that was killed has none.
    [Fact]
    public void Write_LeftoversOfKilledWriters_AreDeletedButNotThatOfARunningOne()
    {
        string[] others = [".tmp-file-0123456789abcdef", ".tmp-other-0123456789abcdef", ".tmp-file"];
        foreach (string other in others)
            File.WriteAllText(_folder[other], "half");
        using (var running = new FileStream(_folder[".tmp-file-fedcba9876543210"], FileMode.CreateNew, FileAccess.Write, FileShare.None))
            AtomicFile.Write(_folder["file"], stream => stream.Write("new"u8));
        Assert.Equal([".tmp-file", ".tmp-file-fedcba9876543210", ".tmp-other-0123456789abcdef", "file"], _folder.Listing);
    }

    // A name that can be guessed could be made before, as a link to another file.
    [Fact]
    public void Write_TemporaryFile_HasANameThatCannotBeGuessed()
    {
        var names = new HashSet<string>();
        File.WriteAllText(_folder["victim"], "precious");
        foreach (string planted in new[] { ".tmp-file", ".tmp-file-0123456789abcdef" })
            File.CreateSymbolicLink(_folder[planted], _folder["victim"]);
        for (int i = 0; i < 3; i++)
        {
            AtomicFile.Write(_folder["file"], static stream => stream.Write("new"u8), temporary =>
            {
                Assert.Equal("file", TemporaryName.FinalNameOfUnfinished(temporary));
                Assert.True(names.Add(Path.GetFileName(temporary)));
                return new FileStream(temporary, FileMode.CreateNew);
            });
        }

        Assert.Equal("precious", File.ReadAllText(_folder["victim"]));
        Assert.Null(new FileInfo(_folder["file"]).LinkTarget);
        // They may belong to somebody else.
        Assert.Equal([".tmp-file", ".tmp-file-0123456789abcdef", "file", "victim"], _folder.Listing);
    }

    [Fact]
    public void Write_LeftoversOfKilledWriters_AreDeletedUnlessTheyAreWritten()
    {
        string[] kept = [".tmp-file", ".tmp-file-0123456789abcdeF", ".tmp-file-0123456789abcdef.bak", ".tmp-other-0123456789abcdef"];
        Array.ForEach([.. kept, ".tmp-file-0123456789abcdef"], name => File.WriteAllText(_folder[name], "half"));
        AtomicFile.Write(_folder["file"], stream =>
        {
            AtomicFile.Write(_folder["file"], static other => other.Write("other"u8));
            stream.Write("new"u8);
        });
        Assert.Equal([.. kept, "file"], _folder.Listing);
        Assert.Equal("new", File.ReadAllText(_folder["file"]));
    }

    [Fact]
    public void Write_NameThatExists_IsNotOpened()
    {
        File.WriteAllText(_folder["victim"], "precious");
        File.CreateSymbolicLink(_folder["link"], _folder["victim"]);
        Assert.Throws<IOException>(() => AtomicFile.WriteFlushed(_folder["link"], static stream => stream.Write("new"u8), open: null));
        Assert.Throws<IOException>(() => FolderCalls.MakeNew(_folder["link"], UnixFileMode.UserRead));
        Assert.Equal("precious", File.ReadAllText(_folder["victim"]));
    }

    [Theory]
    [InlineData(".tmp-file-0123456789abcdef", "file")]
    [InlineData("folder/.tmp-a.tar-gz-ffffffffffffffff", "a.tar-gz")]
    [InlineData(".tmp-file-0123456789abcdeF", null)]
    [InlineData(".tmp-file-0123456789abcde", null)]
    [InlineData(".tmp-file_0123456789abcdef", null)]
    [InlineData(".tmp--0123456789abcdef", null)]
    [InlineData(".tmp-0123456789abcdef", null)]
    [InlineData(".tmp-file-0123456789abcdef.bak", null)]
    [InlineData(".old-file-0123456789abcdef", null)]
    [InlineData(".tmp-file", null)]
    [InlineData("file", null)]
    public void FinalNameOfUnfinished_OfAName_IsThatOfOursAlone(string path, string? name) => Assert.Equal(name, TemporaryName.FinalNameOfUnfinished(path));

    [Theory]
    [InlineData("folder/.nfs00000000000004d200000001", true)]
    [InlineData(".nfs", false)]
    [InlineData(".nfs-mine", false)]
    [InlineData("x.nfs00000000000004d200000001", false)]
    public void IsDeleted_OfAName_IsThatOfNfsAlone(string path, bool expected) => Assert.Equal(expected, TemporaryName.IsDeleted(path));

    // It can lead to any file of this user.
    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void Write_LinkThatAnotherUserMadeInAFolderLikeTmp_IsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && FileKind.ThisUser == 0, "only root can give a link to another user");
        File.WriteAllText(_folder["victim"], "precious");
        File.CreateSymbolicLink(_folder["link"], "victim");
        using (var chown = System.Diagnostics.Process.Start("/usr/bin/chown", ["-h", "65534", _folder["link"]]))
            chown.WaitForExit();
        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0x3ff);
        foreach (var write in new Action[] { () => AtomicFile.RequireWritable(_folder["link"]), () => AtomicFile.Write(_folder["link"], static _ => { }) })
            Assert.Equal($"{_folder["link"]}: cannot be written: it is a link that another user made", Assert.Throws<DataException>(write).Message);
        Assert.Equal("precious", File.ReadAllText(_folder["victim"]));
        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0x1ed); // a folder of this user alone
        AtomicFile.Write(_folder["link"], static stream => stream.Write("new"u8));
        Assert.Equal("new", File.ReadAllText(_folder["victim"]));
    }

    [Fact]
    public void Write_LongestName_IsTaken()
    {
        string name = new('n', 255);
        AtomicFile.RequireWritable(_folder[name]);
        AtomicFile.Write(_folder[name], static stream => stream.Write("x"u8));
        Assert.Equal([name], _folder.Listing);
        Assert.Equal($"{_folder[name]}n: cannot be written: the path, or a name in it, is too long", Assert.Throws<DataException>(() => AtomicFile.RequireWritable(_folder[name] + "n")).Message);
    }

    [Fact]
    public void Write_LinkThatLeadsNowhere_IsWrittenThroughOrNamed()
    {
        File.CreateSymbolicLink(_folder["link"], "new");
        AtomicFile.Write(_folder["link"], static stream => stream.Write("x"u8));
        Assert.Equal("x", File.ReadAllText(_folder["new"]));
        File.CreateSymbolicLink(_folder["a"], "b");
        File.CreateSymbolicLink(_folder["b"], "a");
        foreach (var write in new Action[] { () => AtomicFile.RequireWritable(_folder["a"]), () => AtomicFile.Write(_folder["a"], static _ => { }) })
            Assert.Equal($"{_folder["a"]}: cannot be written: Too many levels of symbolic links", Assert.Throws<DataException>(write).Message);
        Assert.Equal(["a", "b", "link", "new"], _folder.Listing);
    }

    [Fact]
    public void Write_DiskFull_KeepsTheOldFileAndNamesPathAndReason()
    {
        string path = _folder["file"];
        File.WriteAllText(path, "old");
        var failure = Assert.Throws<DataException>(() => AtomicFile.Write(
            path, stream => stream.Write(new byte[11]), temporary => new FullDiskStream(temporary, room: 10)));

        Assert.Equal($"{path}: cannot be written: No space left on device", failure.Message);
        Assert.Equal(["file"], _folder.Listing);
        Assert.Equal("old", File.ReadAllText(path));
    }

    [Fact]
    public void Write_PathOfAFolder_NamesItOnce()
    {
        string path = _folder["taken"];
        var failure = Assert.Throws<DataException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("new"u8);
            Directory.CreateDirectory(path);
        }));
        Assert.Equal($"{path}: cannot be written: Is a directory", failure.Message);
    }

    [Fact]
    public void Write_RealFullDevice_ReportsWhatTheSystemSays()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "the system has no /dev/full, a device that is always full");
        string path = _folder["file"];
        var failure = Assert.Throws<DataException>(() => AtomicFile.Write(
            path, stream => stream.Write(new byte[11]), _ => new FileStream("/dev/full", FileMode.Open, FileAccess.Write)));

        Assert.Matches($"^{path}: cannot be written: .*[Nn]o space", failure.Message);
        Assert.Empty(_folder.Listing);
    }

    // What is no file is not replaced by one: a test of /dev/full once took the device away.
    [Fact]
    public void Write_PipeOrLink_LeavesThemWhatTheyAre()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no mkfifo");
        using (var made = System.Diagnostics.Process.Start("mkfifo", _folder["pipe"]))
            made.WaitForExit();
        foreach (var write in new Action[] { () => AtomicFile.RequireWritable(_folder["pipe"]), () => AtomicFile.Write(_folder["pipe"], static _ => { }),
            () => AtomicFile.WritePair(_folder["new"], static _ => { }, _folder["pipe"], static _ => { }) })
        {
            Assert.Equal($"{_folder["pipe"]}: cannot be written: it is a device or a pipe, not a file", Assert.Throws<DataException>(write).Message);
        }

        Assert.Equal(["pipe"], _folder.Listing);

        File.WriteAllText(_folder["real"], "old");
        File.CreateSymbolicLink(_folder["link"], _folder["real"]);
        AtomicFile.RequireWritable(_folder["link"]);
        AtomicFile.Write(_folder["link"], static stream => stream.Write("new"u8));
        Assert.Equal(_folder["real"], new FileInfo(_folder["link"]).LinkTarget);
        Assert.Equal("new", File.ReadAllText(_folder["real"]));
    }

    [Fact]
    public void WritePair_OldPair_IsReplacedAsOne()
    {
        AtomicFile.WritePair(_folder["a/ids"], static stream => stream.Write("1"u8), _folder["a/rows"], static stream => stream.Write("one"u8));
        AtomicFile.WritePair(_folder["a/ids"], static stream => stream.Write("2"u8), _folder["a/rows"], static stream => stream.Write("two"u8));

        Assert.Equal(["a", "a/ids", "a/rows"], _folder.Listing);
        Assert.Equal("2two", File.ReadAllText(_folder["a/ids"]) + File.ReadAllText(_folder["a/rows"]));
    }

    // Two writers at once would leave files of two pairs.
    [Fact]
    public void WritePair_WhileAnotherWritesIt_IsRefusedAndChangesNothing()
    {
        AtomicFile.WritePair(_folder["ids"], static stream => stream.Write("1"u8), _folder["rows"], stream =>
        {
            var error = Assert.Throws<DataException>(() => AtomicFile.WritePair(_folder["ids"], static other => other.Write("2"u8), _folder["rows"], static other => other.Write("two"u8)));
            Assert.Equal($"{_folder["ids"]}: another process is writing this file", error.Message);
            stream.Write("one"u8);
        });

        Assert.Equal(["ids", "rows"], _folder.Listing);
        Assert.Equal("1one", File.ReadAllText(_folder["ids"]) + File.ReadAllText(_folder["rows"]));
    }

    // A temporary file without a lock looks like one that a killed process has left.
    [Fact]
    public void WritePair_FirstFileIsComplete_NoOtherWriterDeletesIt()
    {
        AtomicFile.WritePair(_folder["ids"], static stream => stream.Write("1"u8), _folder["rows"], stream =>
        {
            AtomicFile.Write(_folder["ids"], static other => other.Write("2"u8));
            stream.Write("one"u8);
        });

        Assert.Equal("1one", File.ReadAllText(_folder["ids"]) + File.ReadAllText(_folder["rows"]));
    }

    // Whatever cannot be written or renamed: the files of two pairs are never left together.
    [Theory]
    [InlineData("first", "1one")]
    [InlineData("second", "1one")]
    [InlineData("rename", "1")]
    public void WritePair_OneFails_LeavesTheOldPairOrNoSecondFile(string failing, string left)
    {
        var (ids, rows) = (_folder["ids"], _folder["rows"]);
        AtomicFile.WritePair(ids, static stream => stream.Write("1"u8), rows, static stream => stream.Write("one"u8));
        var error = Assert.Throws<DataException>(() => AtomicFile.WritePair(ids, stream => Write(stream, "first"), rows, stream =>
        {
            Write(stream, "second");
            if (failing == "rename")
                MakeFolder(ids);
        }));

        Assert.StartsWith($"{(failing == "second" ? rows : ids)}: cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(left, (File.Exists(ids) ? File.ReadAllText(ids) : "1") + (File.Exists(rows) ? File.ReadAllText(rows) : ""));
        Assert.DoesNotContain(_folder.Listing, static name => name.StartsWith(".tmp-", StringComparison.Ordinal));

        void Write(Stream stream, string which)
        {
            stream.Write("new"u8);
            if (failing == which)
                throw new IOException("No space left on device");
        }

        static void MakeFolder(string path)
        {
            File.Delete(path);
            Directory.CreateDirectory(path);
        }
    }

    [Fact]
    public void RequireWritable_PathThatWriteTakes_LeavesNothingAndTheOldFile()
    {
        File.WriteAllText(_folder["file"], "old");
        AtomicFile.RequireWritable(_folder["file"]);
        AtomicFile.RequireWritable(_folder["a/b/file"]);
        Assert.Throws<DataException>(() => AtomicFile.RequireWritable(_folder[$"c/d/{new string('n', 300)}"]));

        Assert.Equal(["file"], _folder.Listing);
        Assert.Equal("old", File.ReadAllText(_folder["file"]));
    }

    [Fact]
    public void RequireWritable_PathThatWriteRefuses_NamesPathAndReason()
    {
        File.WriteAllText(_folder["file"], "");
        Directory.CreateDirectory(_folder["folder"]);
        Refuses(_folder["file/below"], "cannot be written: ");
        Refuses(_folder["folder"], "cannot be written: it is a folder");
        Refuses(_folder[new string('n', 300)], "cannot be written: ");

        static void Refuses(string path, string reason) =>
            Assert.StartsWith($"{path}: {reason}", Assert.Throws<DataException>(() => AtomicFile.RequireWritable(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_FolderIsAFile_NamesPathAndReason()
    {
        File.WriteAllText(_folder["file"], "");
        string path = _folder["file/below"];
        var failure = Assert.Throws<DataException>(() => AtomicFile.Write(path, _ => { }));

        Assert.StartsWith($"{path}: cannot be written: ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void Write_AccessRefused_NamesPathAndReason()
    {
        string path = _folder["file"];
        var failure = Assert.Throws<DataException>(() => AtomicFile.Write(
            path, _ => { }, temporary => throw new UnauthorizedAccessException($"Access to the path '{temporary}' is denied.")));

        Assert.Equal($"{path}: cannot be written: access is denied", failure.Message);
    }

    [Fact]
    public void Write_FolderInTheWay_LeavesTheFolderAlone()
    {
        Directory.CreateDirectory(_folder["file"]);
        File.WriteAllText(_folder["file/content"], "x");
        Assert.Throws<DataException>(() => AtomicFile.Write(_folder["file"], stream => stream.Write("new"u8)));

        Assert.Equal(["file", "file/content"], _folder.Listing);
    }

    [Fact]
    public void Write_WriterFails_PassesItsExceptionAndKeepsTheOldFile()
    {
        File.WriteAllText(_folder["file"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(_folder["file"], stream =>
        {
            stream.Write("new"u8);
            throw new InvalidOperationException("no more values");
        }));

        Assert.Equal(["file"], _folder.Listing);
        Assert.Equal("old", File.ReadAllText(_folder["file"]));
    }
}
