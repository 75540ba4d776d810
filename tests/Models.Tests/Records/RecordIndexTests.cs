using System.Text;
using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public sealed class RecordIndexTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Build_SeveralFiles_IsOneListInFileOrder(int threads)
    {
        string[] files =
        [
            _folder.Write("a", TestRecords.File(TestRecords.Payload(0, 1), TestRecords.Payload(1, 2))),
            _folder.Write("b", TestRecords.File(TestRecords.Payload(2, 3))),
            _folder.Write("c", TestRecords.File(TestRecords.Payload(3, 4), TestRecords.Payload(4, 5))),
        ];
        var index = Build(files, threads: threads);
        Assert.Equal(5, index.Count);
        Assert.Equal([0, 0, 1, 2, 2], Enumerable.Range(0, 5).Select(r => index[r].File));
        Assert.Equal([0, 1, 0, 0, 1], Enumerable.Range(0, 5).Select(r => index[r].Number));
        Assert.Throws<ArgumentOutOfRangeException>(() => index[5]);

        using var reader = new RecordReader(index);
        foreach (int record in (int[])[4, 0, 3, 1, 2, 2])
        {
            var video = reader.Read(record);
            Assert.Equal(TestRecords.Id(record), Encoding.UTF8.GetString(video.Id));
            Assert.Equal(TestRecords.Title(record), Encoding.UTF8.GetString(video.Title));
            Assert.Equal(record + 1, video.Frames.Count);
            Assert.True(index.TryFind(video.Id, out int found));
            Assert.Equal(record, found);
        }

        Assert.False(index.TryFind("999"u8, out _));
        Assert.False(index.TryFind(""u8, out _));
    }

    // A power of two above the longest record does not fit into an int.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1000, 1024)]
    [InlineData((1 << 30) - 15, 1 << 30)]
    [InlineData((1 << 30) + 1, (1 << 30) + 16)]
    [InlineData((1 << 30) + 16, (1 << 30) + 16)]
    public void BufferBytes_OfARecord_NeverExceedTheLongestOne(int bytes, int expected) => Assert.Equal(expected, TfRecordFraming.BufferBytes(bytes));

    // The file is a hole: it takes no room on the disk.
    [Fact]
    public void Build_RecordAboveTheLimit_IsRefused()
    {
        byte[] header = new byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(header, (1L << 30) + 1);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Crc32C.ComputeMasked(header.AsSpan(0, 8)));
        string file = _folder.Write("large", header);
        using (var stream = File.OpenWrite(file))
            stream.SetLength(12 + (1L << 30) + 1 + 4);
        Assert.Equal($"{file}: record 0 (at byte 0): the payload has 1073741825 bytes, more than the limit of 1073741824", Assert.Throws<DataException>(() => Build(file)).Message);
    }

    // A search in a table that looks at all equal ids takes the square of their number.
    [Fact]
    public void LastOfEveryId_HundredThousandOfOneId_TakesNoLongerThanOthers()
    {
        byte[] payload = TestRecords.Payload(0, 1);
        var index = Build(_folder.Write("same", TestRecords.File(Enumerable.Repeat(payload, 100_000))));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal([99_999], index.LastOfEveryId(IProgressSink.None));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 2);
    }

    [Fact]
    public void Build_RecordsLargerThanTheBuffer_AreRead()
    {
        var payloads = Gen.Int[0, 60_000].Array[30].Select(sizes => sizes.Select((n, i) => TestRecords.Payload(i, n + 1)).ToArray());
        payloads.Sample(all =>
        {
            string file = _folder.Write("large", TestRecords.File(all));
            var index = Build(file);
            using var reader = new RecordReader(index);
            for (int i = 0; i < all.Length; i++)
            {
                Assert.Equal(all[i].Length, index[i].PayloadBytes);
                Assert.Equal(TestRecords.Id(i), Encoding.UTF8.GetString(reader.Read(i).Id));
            }
        }, iter: 5, threads: 1);
    }

    [Fact]
    public void TryFind_IdsOfEveryForm_AreToldApart()
    {
        string[] ids = ["7", "07", "9999999999999999999", "10000000000000000000", "18446744073709551615", "a", "b", "v-7", "0"];
        string file = _folder.Write("ids", TestRecords.File(ids.Select(id => TestRecords.Payload(id, [], TestRecords.Frames(0, 1)))));
        var index = Build(file);
        for (int i = 0; i < ids.Length; i++)
        {
            Assert.True(index.TryFind(Encoding.UTF8.GetBytes(ids[i]), out int record));
            Assert.Equal(i, record);
        }

        Assert.False(index.TryFind("007"u8, out _));
        Assert.False(index.TryFind("00"u8, out _));
    }

    [Fact]
    public void TryFind_RepeatedIds_GivesTheLastRecords()
    {
        var index = Build(_folder.Write("repeated", TestRecords.File(Enumerable.Range(0, 300).Select(i => TestRecords.Payload(i * i % 7, 1)))));
        foreach (int i in (int[])[0, 1, 2, 4]) // the squares modulo 7
        {
            Assert.True(index.TryFind(Encoding.UTF8.GetBytes(TestRecords.Id(i)), out int record));
            Assert.Equal(Enumerable.Range(0, 300).Last(r => r * r % 7 == i), record);
        }
    }

    [Fact]
    public void Build_FlippedPayloadBit_StopsNamingTheRecord()
    {
        var (path, offsets) = Damaged((bytes, starts) => bytes[starts[2] + 40] ^= 0x10);
        AssertFails($"{path}: record 2 (at byte {offsets[2]}): the payload fails its checksum", path);
        AssertSkips(path, [0, 1, 3, 4], $"{path}: record 2 (at byte {offsets[2]}): the payload fails its checksum");
    }

    [Fact]
    public void Build_FlippedChecksumBit_StopsNamingTheRecord()
    {
        var (path, offsets) = Damaged((bytes, starts) => bytes[starts[2] - 1] ^= 0x80);
        AssertFails($"{path}: record 1 (at byte {offsets[1]}): the payload fails its checksum", path);
        AssertSkips(path, [0, 2, 3, 4], $"{path}: record 1 (at byte {offsets[1]}): the payload fails its checksum");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    public void Build_FlippedLengthBit_EndsWhatCanBeRead(int at)
    {
        var (path, offsets) = Damaged((bytes, starts) => bytes[starts[3] + at] ^= 1);
        string message = $"{path}: record 3 (at byte {offsets[3]}): the length fails its checksum; nothing after it can be read";
        AssertFails(message, path);
        AssertSkips(path, [0, 1, 2], message);
    }

    [Theory]
    [InlineData(1, "the file is truncated: it ends after 1 of this header's 12 bytes")]
    [InlineData(12, "the file is truncated: it ends after 12 of this record's {0} bytes")]
    [InlineData(30, "the file is truncated: it ends after 30 of this record's {0} bytes")]
    public void Build_TruncatedFile_EndsWhatCanBeRead(int kept, string reason)
    {
        byte[] whole = TestRecords.FileOf(5);
        int[] offsets = Offsets(whole);
        string path = _folder.Write("cut", whole[..(offsets[4] + kept)]);
        string message = $"{path}: record 4 (at byte {offsets[4]}): {string.Format(null, reason, whole.Length - offsets[4])}";
        AssertFails(message, path);
        AssertSkips(path, [0, 1, 2, 3], message);
    }

    [Fact]
    public void Build_HostileLengthWithSoundChecksum_IsTruncation()
    {
        foreach (ulong length in (ulong[])[ulong.MaxValue, ulong.MaxValue - 15, long.MaxValue, 1ul << 40])
        {
            byte[] header = new byte[12];
            BitConverter.TryWriteBytes(header, length);
            BitConverter.TryWriteBytes(header.AsSpan(8), Crc32C.ComputeMasked(header.AsSpan(0, 8)));
            string path = _folder.Write("hostile", [.. TestRecords.FileOf(1), .. header, .. new byte[100]]);
            string message = Assert.Throws<DataException>(() => Build(path)).Message;
            Assert.EndsWith($"the file is truncated: it ends after 112 of this record's {(UInt128)length + 16} bytes", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Build_BadExample_NamesRecordAndVideo()
    {
        byte[] bad = TestRecords.PayloadWith("frame_feature", w => w.AddEntries("frame_feature"u8, new byte[20], 10));
        string path = _folder.Write("example", TestRecords.File(TestRecords.Payload(0, 1), bad, TestRecords.Payload(2, 1)));
        AssertFails($"{path}: record 1 (id 345): frame 0 has 10 bytes, expected 12", path);
        AssertSkips(path, [0, 2], $"{path}: record 1 (id 345): frame 0 has 10 bytes, expected 12");
    }

    [Fact]
    public void Build_FrameWithNaN_NamesFrameAndValue()
    {
        var frames = TestRecords.Frames(1, 3);
        frames[(2 * TestRecords.FrameWidth) + 4] = Half.NaN;
        string path = _folder.Write("nan", TestRecords.File(TestRecords.Payload("77", [], frames)));
        AssertFails($"{path}: record 0 (id 77): frame 2 has NaN or infinity at value 4", path);
    }

    [Fact]
    public void Build_WholeFileUnusable_SaysWhyEvenWhenSkipping()
    {
        string empty = _folder.Write("empty", "");
        string text = _folder.Write("text", "id,title,sim\n1,hello,0.5\n2,world,0.25\n");
        string tiny = _folder.Write("tiny", "x");
        string missing = Path.Combine(_folder.Path, "missing");
        foreach (bool skip in (bool[])[false, true])
        {
            AssertFails($"{empty}: the file is empty", empty, skip);
            AssertFails($"{text}: not a TFRecord file: the length of its first record fails its checksum", text, skip);
            AssertFails($"{tiny}: record 0 (at byte 0): the file is truncated: it ends after 1 of this header's 12 bytes", tiny, skip);
            AssertFails($"{missing}: there is no such file", missing, skip);
        }

        Assert.StartsWith($"{_folder.Path}: cannot be read: ", Assert.Throws<DataException>(() => Build(_folder.Path)).Message, StringComparison.Ordinal);
    }

    // TensorFlow reads nothing from an empty file and goes on.
    [Fact]
    public void Build_FilesWithoutASoundRecordBesideAGoodOne_AreSkipped()
    {
        string good = _folder.Write("good", TestRecords.FileOf(2));
        string empty = _folder.Write("empty", "");
        byte[] bytes = TestRecords.FileOf(1);
        bytes[50] ^= 1;
        string bad = _folder.Write("bad", bytes);
        string text = _folder.Write("text", "id,title,sim\n1,hello,0.5\n2,world,0.25\n");
        var index = Build([empty, good, bad], skip: true);
        Assert.Equal(2, index.Count);
        Assert.Equal([1, 1], Enumerable.Range(0, 2).Select(r => index[r].File));
        Assert.Equal([$"{empty}: the file is empty", $"{bad}: record 0 (at byte 0): the payload fails its checksum"], index.BadRecords.Select(static b => b.ToString()));
        Assert.Equal($"{empty}: the file is empty", Assert.Throws<DataException>(() => Build([good, empty])).Message);
        Assert.StartsWith($"{text}: not a TFRecord file", Assert.Throws<DataException>(() => Build([good, text], skip: true)).Message, StringComparison.Ordinal);
        Assert.Equal($"{empty}: the file is empty", Assert.Throws<DataException>(() => Build([empty, bad], skip: true)).Message);
    }

    // Files without a valid record have the same start as the next one.
    [Theory]
    [InlineData("1 0 2")]
    [InlineData("0 0 1 0 0 0 3 0")]
    [InlineData("2 0 0 0 0 0 0 1 0 2 0")]
    public void Record_AfterFilesWithoutOne_IsInItsFile(string counts)
    {
        int[] records = [.. counts.Split(' ').Select(int.Parse)];
        string[] paths = [.. records.Select((count, file) => _folder.Write($"file{file}", count == 0 ? TestRecords.FileOf(1)[..40] : TestRecords.FileOf(count)))];
        var index = Build(paths, skip: true);
        Assert.Equal(records.SelectMany(static (count, file) => Enumerable.Repeat(file, count)), Enumerable.Range(0, index.Count).Select(record => index[record].File));
    }

    [Fact]
    public void Build_DamagedFiles_CountsWhatIsKnown()
    {
        var notes = new Notes();
        byte[] cut = TestRecords.FileOf(3);
        string[] paths = [_folder.Write("good", TestRecords.FileOf(2)), _folder.Write("cut", cut[..^40]), _folder.Write("nothing", "")];
        RecordIndex.Build(paths, TestRecords.FrameWidth, skipBadRecords: true, progress: notes, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal("skipped: 1 record of at least 5 and 1 empty file; the rest of 1 damaged file is not read", notes.Lines[^1]);
        RecordIndex.Build([paths[0], paths[2], paths[2]], TestRecords.FrameWidth, skipBadRecords: true, progress: notes, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal("skipped: 2 empty files", notes.Lines[^1]);
    }

    [Fact]
    public void Build_SkippedRecords_AreNotedAndCounted()
    {
        Assert.Empty(NotesOf(0));
        Assert.Equal(["skipped: FILE: record 0 (id 100): frame 0 has NaN or infinity at value 2", "skipped: 1 record of 13"], NotesOf(1));
        var many = NotesOf(12);
        Assert.Equal(11, many.Count);
        Assert.Equal("skipped: FILE: record 9 (id 109): frame 0 has NaN or infinity at value 2", many[^2]);
        Assert.Equal("skipped: 12 records of 13; 'data verify' names all of them", many[^1]);

        List<string> NotesOf(int bad)
        {
            string path = _folder.Write("skipped", TestRecords.File(Enumerable.Range(0, 13).Select(i =>
            {
                var frames = TestRecords.Frames(i, 1);
                frames[2] = i < bad ? Half.PositiveInfinity : frames[2];
                return TestRecords.Payload(TestRecords.Id(i), [], frames);
            })));
            var notes = new Notes();
            RecordIndex.Build([path], TestRecords.FrameWidth, skipBadRecords: true, progress: notes, cancellation: TestContext.Current.CancellationToken);
            return notes.Lines.ConvertAll(line => line.Replace(path, "FILE", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("gzip", 0x1f, 0x8b, 8, 0)]
    [InlineData("zlib", 0x78, 0x9c, 1, 2)]
    [InlineData("zip", 0x50, 0x4b, 3, 4)]
    [InlineData("Zstandard", 0x28, 0xb5, 0x2f, 0xfd)]
    public void Build_CompressedFile_IsNamed(string name, params int[] head)
    {
        string path = _folder.Write("packed", [.. head.Select(static b => (byte)b), .. new byte[40]]);
        foreach (bool skip in (bool[])[false, true])
            AssertFails($"{path}: compressed with {name}; unpack it first", path, skip);
    }

    [Fact]
    public void LastOfEveryId_RepeatedIds_LeavesTheEarlierOnesOutAndSaysItOnce()
    {
        string[] ids = ["1", "a", "2", "a", "1", "1"];
        string path = _folder.Write("repeated", TestRecords.File(ids.Select(static id => TestRecords.Payload(id, [], TestRecords.Frames(0, 1)))));
        var notes = new Notes();
        Assert.Equal([2, 3, 5], Build(path).LastOfEveryId(notes));
        Assert.Equal([$"{path}: record 0 has the same id as a later record; the last record of an id is used (3 are left out)"], notes.Lines);
        notes.Lines.Clear();
        Assert.Equal([0, 1], Build(_folder.Write("good", TestRecords.FileOf(2))).LastOfEveryId(notes));
        Assert.Empty(notes.Lines);
    }

    [Fact]
    public void Build_SeveralBadFiles_ReportsTheFirst()
    {
        // Two threads begin at both ends: the last file fails at once, the one that counts only after two long ones.
        string good = _folder.Write("good", TestRecords.File(Enumerable.Repeat(TestRecords.Payload(0, 100), 2000)));
        string first = _folder.Write("first", "");
        string last = _folder.Write("last", "");
        for (int i = 0; i < 10; i++)
        {
            var e = Assert.Throws<DataException>(() => Build([good, good, first, good, last, last, last, last], threads: 2));
            Assert.Equal($"{first}: the file is empty", e.Message);
        }
    }

    [Fact]
    public void Build_Cancelled_Stops()
    {
        string path = _folder.Write("good", TestRecords.FileOf(2));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(
            () => RecordIndex.Build([path], TestRecords.FrameWidth, cancellation: cancelled.Token));
    }

    [Fact]
    public void Read_DamageAfterIndexing_IsADataException()
    {
        byte[] bytes = TestRecords.FileOf(4);
        int[] offsets = Offsets(bytes);
        string path = _folder.Write("later", bytes);
        var index = Build(path);
        using var reader = new RecordReader(index);

        bytes[offsets[1] + 50] ^= 1;
        bytes[offsets[2] + 3] ^= 1;
        _folder.Write("later", bytes[..^3]);
        AssertRead(0, null);
        AssertRead(1, "the payload fails its checksum");
        AssertRead(2, "the length fails its checksum");
        AssertRead(3, "the file is truncated");

        void AssertRead(int record, string? reason)
        {
            var e = Record.Exception(() => { reader.Read(record); });
            Assert.Equal(
                reason is null ? null : $"{path}: record {record} (at byte {offsets[record]}): {reason} (it was valid when it was indexed)",
                (e as DataException)?.Message);
        }
    }

    [Fact]
    public void Build_AnyDamage_IsADataExceptionOrSkipped()
    {
        byte[] whole = TestRecords.FileOf(6);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[1, whole.Length]).Sample((at, value, length) =>
        {
            byte[] bytes = whole.ToArray();
            bytes[at] = value;
            string path = _folder.Write("damaged", bytes[..length]);
            foreach (bool skip in (bool[])[false, true])
            {
                try
                {
                    var index = Build(path, skip);
                    Assert.InRange(index.Count, 1, 6);
                    Assert.True(skip || index.BadRecords.Count == 0);
                }
                catch (DataException)
                {
                    // The one way to refuse.
                }
            }
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void Read_Steadily_AllocatesNothingUpToTheSlot()
    {
        using var reader = new RecordReader(Build(_folder.Write("steady", TestRecords.FileOf(50))));
        var tags = TagList.Read(_folder.Write("tags", "7\n9\n"));
        var frames = new Half[32 * TestRecords.FrameWidth];
        uint[] labels = new uint[tags.LabelWords];
        ReadAll();

        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadAll();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void ReadAll()
        {
            for (int record = 0; record < 50; record++)
            {
                var video = reader.Read(record);
                FrameSampler.Copy(video.Frames, 32, even: false, frames);
                tags.WriteLabels(video.TagIds, labels);
            }
        }
    }

    [Fact]
    public void Build_ManyRecords_KeepsFewBytesEach()
    {
        const int count = 100_000;
        string path = Path.Combine(_folder.Path, "many");
        using (var writer = new TfRecordWriter(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20)))
        {
            var example = new ExampleWriter();
            byte[] id = new byte[19];
            for (int i = 0; i < count; i++)
            {
                (1_000_000_000_000_000_000 + i).TryFormat(id, out _);
                writer.Write(example.WriteVideo(id, "t"u8, ""u8, [Half.One], 1, [], null));
            }
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        var index = Build([path], frameWidth: 1);
        Assert.True(index.TryFind("1000000000000099999"u8, out int last));
        Assert.Equal(count - 1, last);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 64L * count); // 64 MB for a million, even if never collected
    }

    public void Dispose() => _folder.Dispose();

    private static RecordIndex Build(string path, bool skip = false) => Build([path], skip);

    private static RecordIndex Build(IReadOnlyList<string> paths, bool skip = false, int threads = 1, int frameWidth = TestRecords.FrameWidth) =>
        RecordIndex.Build(paths, frameWidth, skip, threads, cancellation: TestContext.Current.CancellationToken);

    private (string Path, int[] Offsets) Damaged(Action<byte[], int[]> damage)
    {
        byte[] bytes = TestRecords.FileOf(5);
        int[] offsets = Offsets(bytes);
        damage(bytes, offsets);
        return (_folder.Write("damaged", bytes), offsets);
    }

    private static int[] Offsets(byte[] file)
    {
        var offsets = new List<int>();
        for (int at = 0; at < file.Length; at += 16 + BitConverter.ToInt32(file, at))
            offsets.Add(at);

        return [.. offsets];
    }

    private static void AssertFails(string message, string path, bool skip = false) =>
        Assert.Equal(message, Assert.Throws<DataException>(() => Build(path, skip)).Message);

    private static void AssertSkips(string path, int[] kept, params string[] problems)
    {
        var index = Build(path, skip: true);
        Assert.Equal(kept, Enumerable.Range(0, index.Count).Select(r => index[r].Number));
        Assert.Equal(problems, index.BadRecords.Select(b => b.ToString()));
    }
}
