using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Pretrained;
using VideoSim.Models.Tests.Records;
using VideoSim.Pretrained.Hdf5;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Checkpoints;

/// <summary>Published encoders of every container become folders with safetensors, number by number.</summary>
public sealed class EncoderConversionTests : IDisposable
{
    private readonly ScratchFolder _root = new();

    private string Source => Path.Combine(_root.Path, "source");

    private string Target => Path.Combine(_root.Path, "target");

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("bert/zip.bin", 47)]
    [InlineData("bert/legacy.bin", 47)]
    [InlineData("bert/aliased.bin", 47)]
    [InlineData("bert/strided.bin", 39)]
    [InlineData("bert/strided-legacy.bin", 39)]
    [InlineData("bert/parameters.bin", 39)]
    [InlineData("bert/protocol-4.bin", 39)]
    [InlineData("bert/little-endian.bin", 39)]
    [InlineData("bert/big-endian.bin", 39)]
    [InlineData("bert/half.bin", 39)]
    [InlineData("bert/half-legacy.bin", 39)]
    [InlineData("bert/half.safetensors", 39)]
    [InlineData("bert/bfloat16.bin", 39)]
    [InlineData("bert/bfloat16-legacy.bin", 39)]
    [InlineData("bert/bfloat16.safetensors", 39)]
    [InlineData("bert/double.bin", 39)]
    [InlineData("bert/double-legacy.bin", 39)]
    [InlineData("bert/double.safetensors", 39)]
    [InlineData("bert/plain.safetensors", 46)]
    [InlineData("bert/*model*.bin*", 47)]
    [InlineData("bert/*model*.safetensors*", 46)]
    [InlineData("bert/keras.h5", 40)]
    [InlineData("bert/keras-old.h5", 40)]
    [InlineData("bert/keras-double.h5", 40)]
    [InlineData("roformer/zip.bin", 43)]
    [InlineData("roformer/legacy.bin", 43)]
    [InlineData("roformer/aliased.bin", 43)]
    [InlineData("roformer/plain.safetensors", 42)]
    [InlineData("roformer/keras.h5", 38)]
    public void Run_EveryContainer_KeepsEveryNumber(string files, int tensors)
    {
        var notes = Convert(files);
        string kind = files.Split('/')[0];
        using (var target = SafetensorsReader.Open(Path.Combine(Target, "model.safetensors")))
        using (var golden = SafetensorsReader.Open(PublishedFiles.PathOf($"{kind}/golden.safetensors")))
        using (var plain = SafetensorsReader.Open(PublishedFiles.PathOf($"{kind}/plain.safetensors")))
        {
            foreach (var entry in golden.Entries.Where(entry => entry.Name.StartsWith($"{kind}.", StringComparison.Ordinal)))
            {
                Assert.Equal(entry.Shape, target.TryFind(entry.Name)!.Shape);
                Assert.Equal(Rounded(Values(golden, entry), files), Values(target, target.TryFind(entry.Name)!));
            }
            // The heads of masked tokens, which only some sources have, and RoFormer's table of positions.
            foreach (var entry in target.Entries.Where(entry => golden.TryFind(entry.Name) is null && !files.EndsWith(".h5", StringComparison.Ordinal) && !entry.Name.Contains("decoder", StringComparison.Ordinal)))
                Assert.Equal(Values(plain, plain.TryFind(entry.Name)!), Values(target, entry));
            Assert.All(target.Entries, static entry => Assert.Equal(SafetensorsType.F32, entry.Type));
            Assert.Equal(target.Entries.Select(static entry => entry.Name).Order(StringComparer.Ordinal), target.Entries.Select(static entry => entry.Name));
            Assert.True(tensors == target.Entries.Count, string.Join(", ", target.Entries.Select(static entry => entry.Name)));
        }
        using (var opened = PretrainedFolder.Open(Target))
            Assert.Equal([$"weights: model.safetensors", $"the encoder's tensors have the prefix '{kind}.'"], opened.Notes);
        Assert.Contains(notes, note => note.StartsWith($"{Target}: {tensors} tensors of a {kind}, ", StringComparison.Ordinal));

        string again = Path.Combine(_root.Path, "again");
        EncoderConversion.Run(Target, again, openHdf5: null, IProgressSink.None, CancellationToken.None);
        Folders.AssertEqual(Target, again);
    }

    // The container leaves no trace.
    [Theory]
    [InlineData("zip.bin", "legacy.bin")]
    [InlineData("zip.bin", "aliased.bin")]
    [InlineData("zip.bin", "*model*.bin*")]
    [InlineData("plain.safetensors", "*model*.safetensors*")]
    [InlineData("strided.bin", "double.safetensors")]
    [InlineData("keras.h5", "keras-double.h5")]
    public void Run_SameTensorsInTwoContainers_GivesTheSameBytes(string one, string other)
    {
        Convert($"bert/{one}");
        string first = Path.Combine(_root.Path, "first");
        Directory.Move(Target, first);
        Directory.Delete(Source, recursive: true);
        Convert($"bert/{other}");
        Folders.AssertEqual(first, Target);
    }

    [Fact]
    public void Run_WhatTheTargetDoesNotHave_IsNamed()
    {
        var notes = Convert("bert/zip.bin");
        Assert.Contains($"{Source}: left out: 'cls.predictions.decoder.weight', which is the table of word embeddings again", notes);
        Assert.Contains($"{Source}: left out: 'bert.embeddings.position_ids', which has integers", notes);
        Directory.Delete(Source, recursive: true);
        Directory.Delete(Target, recursive: true);
        notes = Convert("roformer/keras.h5");
        Assert.Contains($"{Source}: left out: 'mlm___cls/roformer/embeddings/word_embeddings/weight:0', which only Keras stores", notes);
    }

    [Fact]
    public void Run_SmallFiles_AreCopiedOrWritten()
    {
        Convert("bert/half.bin", folder =>
        {
            Edit(folder, json =>
            {
                json.Remove("model_type");
                (json["vocab_size"], json["dtype"], json["torch_dtype"], json["pad_token_id"]) = (9, "float16", "float16", 1);
            });
            File.Delete(Path.Combine(folder, "tokenizer_config.json"));
            File.WriteAllText(Path.Combine(folder, "added_tokens.json"), "{} ");
        });
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Target, "config.json")))!.AsObject();
        Assert.Equal(("bert", 26, "float32", 1), ((string)config["model_type"]!, (int)config["vocab_size"]!, (string)config["torch_dtype"]!, (int)config["pad_token_id"]!));
        Assert.False(config.ContainsKey("dtype"));
        Assert.Equal("bidi", (string)config["directionality"]!);
        Assert.Equal("BertTokenizer", (string)JsonNode.Parse(File.ReadAllText(Path.Combine(Target, "tokenizer_config.json")))!["tokenizer_class"]!);
        Assert.Equal(["added_tokens.json", "checksums.json", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"],
            Directory.GetFiles(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("{} ", File.ReadAllText(Path.Combine(Target, "added_tokens.json")));
    }

    [Fact]
    public void Run_Target_IsBoundByItsChecksums()
    {
        Convert("bert/half.bin", static _ => { });
        using (PretrainedFolder.Open(Target))
        {
        }
        string list = Path.Combine(Target, "checksums.json");
        foreach (string file in Directory.GetFiles(Target).Where(file => file != list))
        {
            byte[] content = File.ReadAllBytes(file);
            content[^2] ^= 1;
            File.WriteAllBytes(file, content);
            Assert.Equal($"{file}: has changed since {Target} was written: its SHA-256 is not that in checksums.json; restore the file, or delete {list} to use the folder as it is",
                Assert.Throws<DataException>(() => PretrainedFolder.Open(Target)).Message);
            content[^2] ^= 1;
            File.WriteAllBytes(file, content);
        }
        // Files of other programs, and weights that are not read.
        File.WriteAllText(Path.Combine(Target, "trainer_state.json"), "{\"epoch\": NaN, \"log_history\": []}");
        File.WriteAllText(Path.Combine(Target, "pytorch_model.bin"), "");
        PretrainedFolder.Open(Target).Dispose();
        string vocabulary = Path.Combine(Target, "vocab.txt");
        File.WriteAllText(list, File.ReadAllText(list).Replace("\"vocab.txt\"", "\"other.txt\"", StringComparison.Ordinal));
        Assert.StartsWith($"{vocabulary}: was added to {Target} later: checksums.json does not list it", Assert.Throws<DataException>(() => PretrainedFolder.Open(Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_TargetWithFiles_IsRefusedAndKept()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "thesis.tex"), "years of work");
        Assert.Equal($"{Target}: is a folder with files; choose a new one", Refused("bert/zip.bin"));
        Assert.Equal("years of work", File.ReadAllText(Path.Combine(Target, "thesis.tex")));
        Directory.Delete(Target, recursive: true);
        File.WriteAllText(Target, "a file");
        Assert.Equal($"{Target}: cannot be written: it is a file", Refused("bert/zip.bin"));
        File.Delete(Target);
        Directory.CreateDirectory(Target);
        Convert("bert/zip.bin"); // an empty folder may be there
    }

    [Theory]
    [InlineData("bert/plain.safetensors", float.NaN, "")]
    [InlineData("bert/double.safetensors", 1e300, ", or too large for float32")]
    public void Run_ValueThatIsNotFinite_IsNamedAndLeavesNothing(string files, double value, string orElse)
    {
        const string Tensor = "bert.encoder.layer.0.output.dense.bias";
        string message = Refused(files, folder =>
        {
            string file = Path.Combine(folder, "model.safetensors");
            byte[] bytes = File.ReadAllBytes(file);
            long at;
            using (var reader = SafetensorsReader.Open(file))
                at = 8 + BitConverter.ToInt64(bytes) + reader.TryFind(Tensor)!.Offset;
            (double.IsNaN(value) ? BitConverter.GetBytes(float.NaN) : BitConverter.GetBytes(value)).CopyTo(bytes, at);
            File.WriteAllBytes(file, bytes);
        });
        Assert.Equal($"{Path.Combine(Source, "model.safetensors")}: tensor '{Tensor}' has a value that is not finite{orElse}", message);
        Assert.Equal(["source"], Directory.GetFileSystemEntries(_root.Path).Select(Path.GetFileName));
    }

    // The library for HDF5 does not swap bytes.
    [Fact]
    public void Run_Hdf5OfAnotherByteOrder_IsRefusedAndLeavesNothing()
    {
        Assert.StartsWith($"{Path.Combine(Source, "tf_model.h5")}: tensor 'bert/tf_bert_model/bert/embeddings/", Refused("bert/keras-big-endian.h5"), StringComparison.Ordinal);
        Assert.Equal(["source"], Directory.GetFileSystemEntries(_root.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Run_TwoTensorsOfOneName_AreNamed()
    {
        Prepare("bert/plain.safetensors");
        string file = Path.Combine(Source, "model.safetensors");
        var writer = new SafetensorsWriter();
        using (var reader = SafetensorsReader.Open(file))
        {
            foreach (var entry in reader.Entries.Where(static entry => entry.Type == SafetensorsType.F32))
            {
                float[] values = Values(reader, entry);
                writer.Add($"module.{entry.Name}", SafetensorsType.F32, entry.Shape.AsSpan(), (offset, destination) =>
                    MemoryMarshal.AsBytes(values.AsSpan()).Slice((int)offset, destination.Length).CopyTo(destination));
            }
            writer.Add("cls.predictions.bias", new Shape(1), new float[1]);
        }
        AtomicFile.Write(file, writer.WriteTo);
        string message = Assert.Throws<DataException>(() => Run(new Notes())).Message;
        Assert.Equal($"{file}: tensor 'cls.predictions.bias' and tensor 'module.cls.predictions.bias' would both be named 'cls.predictions.bias'", message);
    }

    [Fact]
    public void Run_FolderOfAModel_IsRefused() => Assert.Equal($"{Source}: is the folder of a model, whose weights are in model.safetensors already",
        Refused("bert/plain.safetensors", folder => Edit(folder, static json => json["videosim"] = new JsonObject())));

    [Fact]
    public void Run_Cancelled_LeavesNothing()
    {
        Prepare("bert/zip.bin");
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => EncoderConversion.Run(Source, Target, null, new StopAtFirstReport(stop), stop.Token));
        Assert.Equal(["source"], Directory.GetFileSystemEntries(_root.Path).Select(Path.GetFileName));
    }

    private static float[] Rounded(float[] values, string files) =>
        files.Contains("half", StringComparison.Ordinal) ? Array.ConvertAll(values, static value => (float)(Half)value)
        : files.Contains("bfloat16", StringComparison.Ordinal) ? Array.ConvertAll(values, ToBFloat16)
        : values;

    // Keeps the upper 16 bits, rounded to the nearest even number.
    private static float ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000);
    }

    private static float[] Values(SafetensorsReader reader, SafetensorsEntry entry)
    {
        float[] values = new float[entry.ElementCount];
        reader.ReadFloats(entry, values);
        return values;
    }

    private static void Edit(string folder, Action<JsonObject> edit)
    {
        string file = Path.Combine(folder, "config.json");
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        edit(json);
        File.WriteAllText(file, json.ToJsonString());
    }

    private List<string> Convert(string files, Action<string>? change = null)
    {
        Prepare(files, change);
        var notes = new Notes();
        Run(notes);
        return notes.Lines;
    }

    private string Refused(string files, Action<string>? change = null)
    {
        if (!Directory.Exists(Source))
            Prepare(files, change);
        return Assert.Throws<DataException>(() => Run(new Notes())).Message;
    }

    private void Run(IProgressSink progress) => EncoderConversion.Run(Source, Target, Hdf5File.Open, progress, TestContext.Current.CancellationToken);

    private void Prepare(string files, Action<string>? change = null)
    {
        string[] parts = files.Split('/');
        string folder = PublishedFiles.PathOf(parts[0]);
        Directory.CreateDirectory(Source);
        foreach (string file in new[] { "config.json", "vocab.txt", "tokenizer_config.json" })
            File.Copy(Path.Combine(folder, file), Path.Combine(Source, file), overwrite: true);
        foreach (string file in Directory.GetFiles(folder, parts[1]))
        {
            string name = parts[1].Contains('*', StringComparison.Ordinal) ? Path.GetFileName(file)
                : Path.GetExtension(file) switch { ".h5" => "tf_model.h5", ".bin" => "pytorch_model.bin", _ => "model.safetensors" };
            File.Copy(file, Path.Combine(Source, name), overwrite: true);
        }
        change?.Invoke(Source);
    }

    private sealed class StopAtFirstReport(CancellationTokenSource stop) : IProgressSink
    {
        public void Begin(string label, long total, long done)
        {
        }

        public void Report(long done, string text) => stop.Cancel();

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }
    }
}
