using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>
/// A file in the folder of a checkpoint or a model that was damaged, replaced, added or deleted is found before
/// anything is used, and nothing in the run's folder changes.
/// </summary>
public sealed class BoundFilesTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private const string Newest = "checkpoint-20", Older = "checkpoint-16", State = "trainer_state.json";

    // The end of the message if the older checkpoint is whole, and if it is not.
    private static string Advice(string run) => $"; {Older} is whole: delete {Path.Combine(run, Newest)}, and the run continues from step 16";

    private static string NoneIsWhole(string run) =>
        $"; no older checkpoint is known to be whole: restore the file, or delete {Path.Combine(run, Newest)} and {Path.Combine(run, Older)}, and the run begins at step 0";

    [Fact]
    public void Resume_AnyFileOfTheNewestCheckpointChanged_IsRefusedAndNamesTheOlderOne()
    {
        string run = Unfinished("changed"), checkpoint = Path.Combine(run, Newest), kept = runs.New("changed-kept");
        foreach (string file in Directory.GetFiles(checkpoint))
        {
            FlipBit(file);
            Folders.Copy(run, kept);
            string message = Refused(run);
            Assert.StartsWith($"{file}: ", message, StringComparison.Ordinal);
            Assert.EndsWith(Advice(run), message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
            Folders.AssertEqual(kept, run);
            Directory.Delete(kept, recursive: true);
            FlipBit(file);
        }
        TinyRun.Pretrain(runs.Data, run);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    [Fact]
    public void Resume_FileGone_IsRefused()
    {
        string run = Unfinished("gone");
        foreach (string file in Directory.GetFiles(Path.Combine(run, Newest)))
        {
            byte[] content = File.ReadAllBytes(file);
            File.Delete(file);
            string message = Refused(run);
            Assert.StartsWith($"{file}: ", message, StringComparison.Ordinal);
            Assert.EndsWith(Advice(run), message, StringComparison.Ordinal);
            File.WriteAllBytes(file, content);
        }
    }

    // The advice of the message, followed.
    [Fact]
    public void Resume_NewestDeletedAsAdvised_EndsWithTheSameBytes()
    {
        string run = Unfinished("advice");
        FlipBit(Path.Combine(run, Newest, "optimizer.safetensors"));
        FlipBit(Path.Combine(run, Older, "vocab.txt"));
        Assert.EndsWith(NoneIsWhole(run), Refused(run), StringComparison.Ordinal);
        FlipBit(Path.Combine(run, Older, "vocab.txt"));
        Assert.EndsWith(Advice(run), Refused(run), StringComparison.Ordinal);
        Directory.Delete(Path.Combine(run, Newest), recursive: true);
        TinyRun.Pretrain(runs.Data, run);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    [Fact]
    public void Resume_CheckpointOfAnOlderVersion_WarnsAndEndsWithTheSameModel()
    {
        string run = Unfinished("older"), file = Path.Combine(run, Newest, State);
        Change(file, static state =>
        {
            foreach (string key in new[] { "files", "sha256", "metrics_sha256" })
                state.Remove(key);
        });
        Notes opened = new(), notes = new();
        UsableModel.Open(Path.Combine(run, Newest), null, opened);
        TinyRun.Pretrain(runs.Data, run, [], notes);
        string warning = $"{Path.Combine(run, Newest)}: warning: this checkpoint of an older version of the program has no checksums, so its files are not checked";
        Assert.Equal([warning], opened.Warnings);
        Assert.Single(notes.Warnings, warning);
        Folders.AssertEqual(Path.Combine(runs.Pretrained, "last"), Path.Combine(run, "last"));
    }

    // With one of the two the state is neither an older one nor whole.
    [Theory]
    [InlineData("files")]
    [InlineData("sha256")]
    public void Resume_StateWithoutItsHashes_IsRefused(string key)
    {
        string run = Unfinished($"without-{key}"), file = Path.Combine(run, Newest, State);
        Change(file, state => state.Remove(key));
        Assert.StartsWith($"{file}: has changed since it was written: sha256 is not that of its content", Refused(run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("step", "99", "step is 99, but the folder is that of step 20")]
    [InlineData("step", "-3", "step is -3, but the folder is that of step 20")]
    [InlineData("step", "2e1", "line ")]
    [InlineData("step", "9223372036854775808", "line ")]
    [InlineData("metrics_bytes", "-5", "metrics_bytes is -5, but it is a size")]
    [InlineData("metrics_bytes", "7", "has changed since it was written")]
    [InlineData("best_spearman", "1.5", "best_spearman is 1.5, but a score is from -1 to 1")]
    [InlineData("best_step", "null", "best_step is missing, but it is the step of the best model")]
    [InlineData("best_spearman", "1e999", "line ")]
    [InlineData("last_spearman", "-2", "last_spearman is -2, but a score is from -1 to 1")]
    [InlineData("best_step", "-1", "best_step is -1, but it is the step of the best model")]
    [InlineData("last_tags", """{"found":5,"predicted":1,"present":9}""", "last_tags is ")]
    [InlineData("validations_without_gain", "-1", "validations_without_gain is -1, but it is a number of validations")]
    [InlineData("rollbacks", "4", "rollbacks is 4, but a run has at most 3")]
    [InlineData("interrupted", "1", "line ")]
    [InlineData("files", """{"../20/vocab.txt":"00"}""", "has changed since it was written")]
    public void Resume_ValueThatNoRunHas_NamesFileAndKey(string key, string value, string expected)
    {
        string run = Unfinished($"{key}-{value.GetHashCode(StringComparison.Ordinal)}"), file = Path.Combine(run, Newest, State), kept = run + "-kept";
        string text = File.ReadAllText(file);
        var state = JsonNode.Parse(text)!.AsObject();
        File.WriteAllText(file, text.Replace($"\"{key}\": {state[key]!.ToJsonString()}", $"\"{key}\": {value}", StringComparison.Ordinal));
        if (key is "files" or "last_tags")
            Change(file, changed => changed[key] = JsonNode.Parse(value));
        Assert.NotEqual(text, File.ReadAllText(file));
        Folders.Copy(run, kept);
        string message = Refused(run);
        Assert.StartsWith($"{file}: {expected}", message, StringComparison.Ordinal);
        Assert.EndsWith(Advice(run), message, StringComparison.Ordinal);
        Folders.AssertEqual(kept, run);
    }

    // A score that is undefined is null; the key is there.
    [Fact]
    public void Resume_OlderStateWithoutTheLastScore_IsRefused()
    {
        string run = Unfinished("no-score"), file = Path.Combine(run, Newest, State);
        Change(file, static state =>
        {
            foreach (string key in new[] { "files", "sha256", "metrics_sha256", "last_spearman" })
                state.Remove(key);
        });
        Assert.StartsWith($"{file}: line 1: lacks 'last_spearman'; {Older} is whole", Refused(run), StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_KeyTwice_IsRefused()
    {
        string run = Unfinished("twice"), file = Path.Combine(run, Newest, State);
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"step\": 20", "\"step\": 20,\n  \"step\": 20", StringComparison.Ordinal));
        Assert.StartsWith($"{file}: line 3: has the key 'step' twice", Refused(run), StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_CheckpointBeyondTheEnd_DoesNotFinishTheRun()
    {
        string run = Unfinished("beyond"), later = Path.Combine(run, "checkpoint-99"), file = Path.Combine(later, State);
        Folders.Copy(Path.Combine(run, Newest), later);
        Change(file, static state =>
        {
            foreach (string key in new[] { "files", "sha256", "metrics_sha256" })
                state.Remove(key);
            state["step"] = 99;
        });
        Assert.Equal($"{file}: step is 99, but the run has 20 steps; {Newest} is whole: delete {later}, and the run continues from step 20", Refused(run));
        Assert.False(Directory.Exists(Path.Combine(run, "last")));
    }

    [Theory]
    [InlineData("3")]
    [InlineData("""{"from":16}""")]
    [InlineData("""[{"from":"x"}]""")]
    [InlineData("""[{"from":-1,"pretrain":{"steps":10}}]""")]
    [InlineData("""[{"from":16,"pretrain":{"steps":"10"}}]""")]
    [InlineData("[null]")]
    public void Resume_ArgumentsWithOtherRecipes_NameFileAndKey(string grown)
    {
        string run = Unfinished($"grown-{grown.GetHashCode(StringComparison.Ordinal)}"), file = Path.Combine(run, "args.json");
        Change(file, arguments => arguments["grown"] = JsonNode.Parse(grown));
        Assert.StartsWith($"{file}: grown is not a list of recipes", Refused(run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]", "line ")]
    [InlineData("[null]", "entry 1 is not a path, a size and a SHA-256")]
    [InlineData("[{}]", "entry 1 is not a path, a size and a SHA-256")]
    [InlineData("""[{"path":"a","bytes":-1,"sha256":"b"}]""", "entry 1 is not a path, a size and a SHA-256")]
    public void Resume_DamagedInputs_NameTheFile(string content, string expected)
    {
        string run = Unfinished($"inputs-{content.Length}"), file = Path.Combine(run, "inputs.json");
        File.WriteAllText(file, content);
        string message = Refused(run);
        Assert.Contains(content == "[]" ? "is new since the run began" : $"{file}: {expected}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_InputsGone_Warns()
    {
        string run = Unfinished("no-inputs");
        File.Delete(Path.Combine(run, "inputs.json"));
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, [], notes);
        Assert.Contains($"{run}: warning: inputs.json is gone, so it is not known whether the run began with the same input files", notes.Warnings);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    [Fact]
    public void Resume_MetricsChanged_IsRefused()
    {
        string run = Unfinished("metrics"), file = Path.Combine(run, "metrics.jsonl");
        string text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("\"step\":5", "\"step\":6", StringComparison.Ordinal));
        Assert.StartsWith($"{file}: its first {text.Length} bytes have changed since the newest checkpoint was written", Refused(run), StringComparison.Ordinal);
    }

    // Without the hash of an older version.
    [Theory]
    [InlineData("""{"step":0,"val_spearman":[]}""", "line 1: 'val_spearman' is not a number")]
    [InlineData("""{"step":-1}""", "line 1: 'step' is not a whole number from 0")]
    [InlineData("""{"loss":1}""", "line 1: 'step' is not a whole number from 0")]
    [InlineData("""{"step":1,"reason":3}""", "line 1: 'reason' is not a text")]
    [InlineData("""{"step":1,"a\u001b":null}""", "line 1: 'a\\u001b' is not a number")]
    public void Resume_LineOfMetricsThatNoRunHas_IsNamed(string line, string expected)
    {
        string run = Unfinished($"line-{line.GetHashCode(StringComparison.Ordinal)}"), file = Path.Combine(run, "metrics.jsonl");
        File.WriteAllText(file, line + "\n");
        Change(Path.Combine(run, Newest, State), state =>
        {
            foreach (string key in new[] { "files", "sha256", "metrics_sha256" })
                state.Remove(key);
            state["metrics_bytes"] = new FileInfo(file).Length;
        });
        Assert.StartsWith($"{file}: {expected}", Refused(run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("last")]
    [InlineData("best")]
    [InlineData(Newest)]
    public void Open_AnyFileOfAModelChanged_IsRefused(string name)
    {
        string folder = Path.Combine(runs.CopyOfPretrained($"model-{name}"), name);
        foreach (string file in Directory.GetFiles(folder).Where(static file => Path.GetFileName(file) is not ("checksums.json" or State)))
        {
            FlipBit(file);
            string message = Assert.Throws<DataException>(() => ModelFolder.Open(folder)).Message;
            Assert.StartsWith($"{file}: has changed since {folder} was written: its SHA-256 is not that in {(name == Newest ? State : "checksums.json")}; ", message, StringComparison.Ordinal);
            Assert.EndsWith(name == Newest ? Advice(Path.GetDirectoryName(folder)!) : $"or delete {Path.Combine(folder, "checksums.json")} to use the folder as it is", message, StringComparison.Ordinal);
            FlipBit(file);
        }
        Assert.Null(ModelFolder.Open(folder).Warning);
    }

    [Fact]
    public void Open_FileThatIsNotListed_IsRefused()
    {
        string folder = Path.Combine(runs.CopyOfPretrained("added"), "last"), list = Path.Combine(folder, "checksums.json");
        Change(list, static files => files.Remove("vocab.txt"));
        Assert.StartsWith($"{Path.Combine(folder, "vocab.txt")}: was added to {folder} later: checksums.json does not list it", Assert.Throws<DataException>(() => ModelFolder.Open(folder)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "mine"); // not read by the program
        File.Delete(list);
        Assert.Null(ModelFolder.Open(folder).Warning); // as a folder from elsewhere
    }

    [Theory]
    [InlineData("""{"../vocab.txt":"HASH"}""", "'../vocab.txt' is not the name of a file with its SHA-256")]
    [InlineData("""{"..":"HASH"}""", "'..' is not the name of a file with its SHA-256")]
    [InlineData("""{"vocab.txt":"00"}""", "'vocab.txt' is not the name of a file with its SHA-256")]
    [InlineData("""{"vocab.txt":3}""", "'vocab.txt' is not the name of a file with its SHA-256")]
    [InlineData("""{"vocab.txt":"HASH","vocab.txt":"HASH"}""", "line 1: has the key 'vocab.txt' twice")]
    [InlineData("[]", "is not a JSON object")]
    [InlineData("{", "line 1: is not JSON: it ends inside an object or a list")]
    public void Open_DamagedList_IsNamed(string content, string expected)
    {
        string folder = Path.Combine(runs.CopyOfPretrained($"list-{content.GetHashCode(StringComparison.Ordinal)}"), "last"), list = Path.Combine(folder, "checksums.json");
        File.WriteAllText(list, content.Replace("HASH", new string('0', 64), StringComparison.Ordinal));
        Assert.Equal($"{list}: {expected}; restore the file, or delete {list} to use the folder as it is", Assert.Throws<DataException>(() => ModelFolder.Open(folder)).Message);
    }

    private string Unfinished(string name)
    {
        string run = runs.CopyOfPretrained(name);
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        return run;
    }

    private string Refused(string run) => Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run)).Message;

    // In the middle of the file. In a text the character stays one, and a number stays one.
    private static void FlipBit(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        content[content.Length / 2] ^= 1;
        File.WriteAllBytes(file, content);
    }

    private static void Change(string file, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        change(json);
        File.WriteAllText(file, json.ToJsonString());
    }
}
