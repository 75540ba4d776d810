using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Tests.Pretrained;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Checkpoints;

/// <summary>Sources and targets of a conversion that are valid but unusual, or invalid.</summary>
public sealed class OddConversionTests : IDisposable
{
    private readonly ScratchFolder _root = new();

    private string Target => Path.Combine(_root.Path, "target");

    public void Dispose() => _root.Dispose();

    // The order of the dimensions in PyTorch is known only for a matrix.
    [Theory]
    [InlineData("[]")]
    [InlineData("[3]")]
    [InlineData("[2, 3, 4]")]
    public void Run_KernelThatIsNoMatrix_IsRefused(string shape)
    {
        using var source = new TestFolder("bert");
        source.Add("x/cls/foo/kernel:0", JsonSerializer.Deserialize<long[]>(shape)!);
        Assert.Equal($"{source["model.safetensors"]}: tensor 'x/cls/foo/kernel:0' has shape {shape}; only a kernel with two dimensions can be converted",
            Refused(source, Target));
        Assert.Empty(Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void Run_SizesThatDifferInConfig_AreThoseOfTheTensors()
    {
        using var source = new TestFolder("roformer");
        (source.Config["hidden_size"], source.Config["embedding_size"]) = (16, 16);
        var notes = Convert(source, Target);
        Assert.Contains($"{source.Path}: hidden_size is 16 in config.json, but 8 in the tensors; 8 is used", notes);
        using var target = PretrainedFolder.Open(Target);
        Assert.Equal(8, target.Encoder.HiddenSize);
    }

    // The notes of a model that starts from the encoder would be untrue here.
    [Fact]
    public void Run_Notes_AreTrueOfTheTarget()
    {
        using (var source = new TestFolder("bert"))
        {
            source.Add("bert.embeddings.foo.weight", 2);
            source.Remove(static name => name == "bert.embeddings.word_embeddings.weight");
            source.Add("bert.embeddings.word_embeddings.weight", 30, 8);
            var notes = Convert(source, Target);
            Assert.DoesNotContain(notes, static note => note.Contains("left out", StringComparison.Ordinal) || note.Contains("rows are used", StringComparison.Ordinal));
            using var target = SafetensorsReader.Open(Path.Combine(Target, "model.safetensors"));
            Assert.NotNull(target.TryFind("bert.embeddings.foo.weight"));
            Assert.Equal([30, 8], target.TryFind("bert.embeddings.word_embeddings.weight")!.Shape);
        }
        using (var source = new TestFolder("roformer"))
        {
            source.Remove(static name => name == "roformer.encoder.embed_positions.weight");
            source.Add("roformer.encoder.embed_positions.weight", 20, 4);
            string other = Path.Combine(_root.Path, "other");
            var notes = Convert(source, other);
            Assert.Contains(notes, note => note.StartsWith($"{source.Path}: left out: roformer.encoder.embed_positions.weight differs by up to ", StringComparison.Ordinal));
            Assert.DoesNotContain(notes, static note => note.Contains("computed", StringComparison.Ordinal));
            using var target = SafetensorsReader.Open(Path.Combine(other, "model.safetensors"));
            Assert.Null(target.TryFind("roformer.encoder.embed_positions.weight"));
        }
    }

    [Theory]
    [InlineData("a\\ud800\": \"b")]
    [InlineData("a\": \"b\\udc00")]
    public void Run_HalfASurrogatePair_NamesTheFile(string entry)
    {
        using var source = new TestFolder("bert");
        using (source.Open())
        {
        }
        string text = File.ReadAllText(source["config.json"]);
        source.Write("config.json", $"{{\n\"{entry}\",\n{text[1..]}");
        string message = Assert.Throws<DataException>(() => Run(source.Path, Target, new Notes())).Message;
        Assert.Equal($"{source["config.json"]}: line 2: a text is not valid Unicode", message);
    }

    [Fact]
    public void Run_FolderThatIsNoSource_SaysWhatItIs()
    {
        using (var source = new TestFolder("bert"))
        {
            using (source.Open())
            {
            }
            File.Move(source["model.safetensors"], source["pytorch_model.bin"]);
            Assert.Equal($"{source["pytorch_model.bin"]}: has the content of a safetensors file; its name must end in .safetensors",
                Assert.Throws<DataException>(() => Run(source.Path, Target, new Notes())).Message);
        }
        using (var source = new TestFolder("bert"))
        {
            source.Remove(static _ => true);
            Assert.EndsWith("this is not the file of a text encoder; it has no tensors", Assert.Throws<DataException>(source.Open).Message, StringComparison.Ordinal);
        }
        string run = Path.Combine(_root.Path, "run");
        foreach (string name in new[] { "best", "last" })
        {
            Directory.CreateDirectory(Path.Combine(run, name));
            File.WriteAllText(Path.Combine(run, name, "config.json"), "{}");
        }
        Assert.StartsWith($"{run}: has no config.json, but its folder 'last' has one; ", Assert.Throws<DataException>(() => Run(run, Target, new Notes())).Message, StringComparison.Ordinal);
    }

    // The current folder, a mount point and a link are places that a rename would take away.
    [Fact]
    public void Run_EmptyFolder_IsFilledAndStaysTheSame()
    {
        using var source = new TestFolder("bert");
        string folder = Path.Combine(_root.Path, "folder"), link = Path.Combine(_root.Path, "link");
        Directory.CreateDirectory(Path.Combine(folder, ".tmp-unfinished-0123456789abcdef")); // of a process that was killed
        File.WriteAllText(Path.Combine(folder, ".tmp-unfinished-0123456789abcdef", "config.json"), "");
        Directory.CreateSymbolicLink(link, folder);
        Convert(source, Path.Combine(link, "."));
        Assert.Equal(folder, new FileInfo(link).LinkTarget);
        Assert.Equal(["checksums.json", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"],
            Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Run_FoldersBesideTheTarget_AreKept()
    {
        using var source = new TestFolder("bert");
        string[] beside = [".old-target", ".old-target-0123456789abcdef", ".tmp-target", ".tmp-target-0123456789abcdef"];
        foreach (string name in beside)
            Directory.CreateDirectory(Path.Combine(_root.Path, name, "thesis"));
        Convert(source, Target);
        Assert.Equal([.. beside, "target"], Directory.GetFileSystemEntries(_root.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(beside, name => Assert.True(Directory.Exists(Path.Combine(_root.Path, name, "thesis"))));
    }

    [Fact]
    public void Run_Failure_LeavesNoParents()
    {
        using var source = new TestFolder("bert");
        source.Values("cls.predictions.bias")[0] = float.NaN;
        Assert.EndsWith("has a value that is not finite", Refused(source, Path.Combine(_root.Path, "a", "b", "c")), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void Run_TargetThatIsNoFolder_IsNamedForWhatItIs()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no mkfifo");
        using var source = new TestFolder("bert");
        File.CreateSymbolicLink(Target, Path.Combine(_root.Path, "nothing"));
        Assert.Equal($"{Target}: cannot be written: it is a link to nothing", Refused(source, Target));
        string pipe = Path.Combine(_root.Path, "pipe");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe))
            made.WaitForExit();
        Assert.Equal($"{pipe}: cannot be written: it is a device or a pipe, not a folder", Refused(source, pipe));
    }

    private static List<string> Convert(TestFolder source, string target)
    {
        var notes = new Notes();
        using (source.Open())
            Run(source.Path, target, notes);
        return notes.Lines;
    }

    private static string Refused(TestFolder source, string target)
    {
        using (source.Open())
            return Assert.Throws<DataException>(() => Run(source.Path, target, new Notes())).Message;
    }

    private static void Run(string source, string target, Notes notes) =>
        EncoderConversion.Run(source, target, openHdf5: null, notes, TestContext.Current.CancellationToken);
}
