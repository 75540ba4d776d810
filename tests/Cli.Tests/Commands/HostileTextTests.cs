using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using VideoSim.Models.Records;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Text of files reaches the terminal escaped and bounded. Each case puts a hostile text into one place of one kind of
/// file. Nothing that the program then writes may move the cursor, break a line, change its direction or fill the
/// terminal.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class HostileTextTests(CommandWorld world)
{
    private const int LongestLine = 2100;

    // Short ones stay whole where a long one is refused for its length.
    private static readonly string Short = "x\u001b[2J\u001b]0;title\u0007\r\u0085\u2028\u202e\u200b\ufeff\u0001";
    private static readonly string Long = Short + new string('y', 1_000_000);

    private static readonly Dictionary<string, Action<Place>> Cases = new()
    {
        ["piece of a vocabulary"] = static p => p.Pretrain(data => File.AppendAllText(Place.In(data, "vocab.txt"), $"{p.Line}\n{p.Line}\n")),
        ["line of a tag list"] = static p => p.Pretrain(data => File.AppendAllText(Place.In(data, "tag_list.txt"), p.Line)),
        ["id of a label file"] = static p => p.Pretrain(data => File.AppendAllText(Place.In(data, "pairwise/label.tsv"), $"{p.Line}\t1\t0.5")),
        ["similarity of a label file"] = static p => p.Pretrain(data => File.AppendAllText(Place.In(data, "pairwise/label.tsv"), $"{TinyData.Id(2000)}\t{TinyData.Id(2001)}\t{p.Line}")),
        ["line of a label file"] = static p => p.Run("data", "folds", "--data", p.Data(data => File.AppendAllText(Place.In(data, "pairwise/label.tsv"), p.Line))),
        ["id and title of a record"] = static p => p.Run("data", "inspect", p.Records(p.Text, p.Text)),
        ["id of a record"] = static p => p.Run("embed", "--checkpoint", p.Model(), "--records", p.Records(p.Text, "x"), "--output", p.New("json")),
        ["title of a record"] = static p => p.Run("search", "--embeddings", p.Embeddings("1"), "--id", "1", "--records", p.Records("2", p.Text)),
        ["key of a record"] = static p => p.Run("data", "verify", p.FileOf("r.tfrecords", p.Frame(Encoding.UTF8.GetBytes(p.Text)))),
        ["id of embeddings"] = static p => p.Run("search", "--embeddings", p.Embeddings(p.Text), "--id", "1"),
        ["id of embeddings that is missing"] = static p => p.Run("search", "--embeddings", p.Embeddings(p.Text), "--id", "2"),
        ["id of embeddings in JSON"] = static p => p.Run("search", "--embeddings", p.Embeddings(p.Text), "--id", "1", "--json"),
        ["value of embeddings"] = static p => p.Run("evaluate", "--embeddings", p.FileOf("e.json", $"{{\"1\": [{p.Json}]}}"), "--labels", p.Labels),
        ["id given twice"] = static p => p.Run("evaluate", "--embeddings", p.FileOf("e.json", $"{{{p.Json}: [1], {p.Json}: [1]}}"), "--labels", p.Labels),
        ["embeddings that are no JSON"] = static p => p.Run("evaluate", "--embeddings", p.FileOf("e.json", p.Text), "--labels", p.Labels),
        ["name in a zip"] = static p => p.Run("evaluate", "--embeddings", p.Zip($"{p.Text[..Math.Min(p.Text.Length, 60_000)]}.json", "a.json"), "--labels", p.Labels),
        ["id beside a matrix"] = static p => p.Run("evaluate", "--embeddings", p.Matrix(p.Line), "--labels", p.Labels),
        ["header of a matrix"] = static p => p.Run("embed", "--checkpoint", p.Model(), "--frames", p.FileOf("f.npy", NumpyFile.Of($"<f4', '{p.Text}", "False", "(1, 64)", new float[64], format: 2)), "--title", "x", "--output", p.New("json")),
        ["key of config.json"] = static p => p.Embed(model => Place.Replace(model, "config.json", "\"vlad_clusters\"", p.Json)),
        ["value of config.json"] = static p => p.Embed(model => Place.Replace(model, "config.json", "\"mix\"", p.Json)),
        ["config.json that is no JSON"] = static p => p.Embed(model => File.WriteAllText(Place.In(model, "config.json"), p.Text)),
        ["key of tokenizer_config.json"] = static p => p.Embed(model => Place.Replace(model, "tokenizer_config.json", "\"do_lower_case\"", p.Json)),
        ["class of a tokenizer"] = static p => p.Embed(model => Place.Replace(model, "tokenizer_config.json", "\"BertTokenizer\"", p.Json)),
        ["name of a tensor"] = static p => p.Embed(model => File.WriteAllBytes(Place.In(model, "model.safetensors"), Safetensors(p.Text))),
        ["type of a tensor"] = static p => p.Embed(model => File.WriteAllBytes(Place.In(model, "model.safetensors"), Safetensors("a", p.Text))),
        ["key of args.json"] = static p => p.Continue(run => Place.Replace(run, "args.json", "\"seed\"", p.Json)),
        ["value of args.json"] = static p => p.Continue(run => Place.Replace(run, "args.json", "\"micro\"", p.Json)),
        ["command of args.json"] = static p => p.Continue(run => Place.Replace(run, "args.json", "\"pretrain\"", p.Json)),
        ["key of trainer_state.json"] = static p => p.Continue(run => Place.Replace(Place.In(run, "checkpoint-2"), "trainer_state.json", "\"step\"", p.Json)),
        ["path of inputs.json"] = static p => p.Continue(run => File.WriteAllText(Place.In(run, "inputs.json"), $"[{{\"path\": {p.Json}, \"bytes\": 1, \"sha256\": {p.Json}}}]")),
        ["line of metrics.jsonl"] = static p => p.Run("report", p.Copy(run => File.AppendAllText(Place.In(run, "metrics.jsonl"), $"{{{p.Json}: {p.Json}}}\n{p.Text}\n")), "--output", p.New("html")),
        ["arguments of a report"] = static p => p.Run("report", p.Copy(run => Place.Replace(run, "args.json", "\"mix\"", p.Json)), "--output", p.New("html")),
        ["JSON of a report"] = static p => p.Run("report", p.Copy(run => Place.Replace(run, "args.json", "\"mix\"", p.Json)), "--json"),
        ["key of --config"] = static p => p.Configured($"{{\"pretrain\": {{{p.Json}: 1}}}}"),
        ["section of --config"] = static p => p.Configured($"{{{p.Json}: {{}}}}"),
        ["value of --config"] = static p => p.Configured($"{{\"pretrain\": {{\"steps\": {p.Json}}}}}"),
        ["preset of --config"] = static p => p.Configured($"{{\"preset\": {p.Json}}}"),
        ["--config that is no JSON"] = static p => p.Configured(p.Text),
        ["model_type of an encoder"] = static p => p.Encoder($"{{\"model_type\": {p.Json}}}"),
        ["key of an encoder"] = static p => p.Encoder($"{{\"model_type\": \"bert\", \"hidden_act\": {p.Json}}}"),
        ["tensors of an encoder"] = static p => p.Encoder("{\"model_type\": \"bert\", \"num_attention_heads\": 1}", Safetensors(p.Text)),
        ["shard of an encoder"] = static p => p.Encoder("{\"model_type\": \"bert\", \"num_attention_heads\": 1}", index: $"{{\"weight_map\": {{{p.Json}: {p.Json}}}}}"),
        ["column of a CSV table"] = static p => p.Import("v.csv", $"{p.Line},b\n1,2\n"),
        ["cell of a CSV table"] = static p => p.Import("v.csv", $"id,title,frames\n\"{p.Line}\",x,\"{p.Line}\"\n"),
        ["key of a JSON table"] = static p => p.Import("v.jsonl", $"{{{p.Json}: 1}}\n"),
        ["value of a JSON table"] = static p => p.Import("v.jsonl", $"{{\"id\": {p.Json}, \"title\": \"x\", \"frames\": {p.Json}, \"split\": {p.Json}}}\n"),
        ["JSON table that is no JSON"] = static p => p.Import("v.jsonl", $"{{\"id\": \"1\", {p.Line}\n"),
        ["word of a dictionary"] = static p => p.Run("embed", "--checkpoint", p.Model(), "--records", p.Records("1", "x"), "--output", p.New("json"), "--jieba-dict", p.FileOf("dict.txt", p.Line)),
        ["source of a kernel"] = static p => p.Run("kernels", "check", "relu", "--source", p.FileOf("nothing.cu", p.Text)),
        ["bench of a report"] = static p => p.Run("report", p.Copy(static _ => { }), "--bench", p.FileOf("b.json", $"{{{p.Json}: {p.Json}}}"), "--output", p.New("html")),
    };

    public static TheoryData<string, bool> Places
    {
        get
        {
            var all = new TheoryData<string, bool>();
            foreach (string name in Cases.Keys)
            {
                all.Add(name, false);
                all.Add(name, true);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void File_HostileText_IsPrintableAndBounded(string place, bool isLong)
    {
        var where = new Place(world, isLong ? Long : Short);
        Cases[place](where);
        var outcome = where.Outcome!;
        AssertPrintable(outcome.Error);
        AssertPrintable(outcome.Output, where.IsJson ? int.MaxValue : LongestLine); // other programs need whole texts
        Assert.DoesNotContain("--verbose", outcome.Error, StringComparison.Ordinal); // the mark of an error that is not foreseen
        if (outcome.ExitCode != 0)
            Assert.Equal(place == "key of a record" ? 0 : 1, outcome.Error.Split('\n').Count(static line => line.StartsWith("error: ", StringComparison.Ordinal))); // verify has a table
    }

    private static void AssertPrintable(string text, int longest = LongestLine)
    {
        foreach (string line in text.Split('\n'))
        {
            Assert.InRange(line.Length, 0, longest);
            Assert.DoesNotContain(line, static letter => char.IsControl(letter) || letter is '\u2028' or '\u2029' || char.GetUnicodeCategory(letter) == UnicodeCategory.Format);
        }
    }

    // One tensor of this name and type, without data.
    private static byte[] Safetensors(string name, string type = "F32")
    {
        byte[] header = Encoding.UTF8.GetBytes($"{{{JsonSerializer.Serialize(name)}: {{\"dtype\": {JsonSerializer.Serialize(type)}, \"shape\": [0], \"data_offsets\": [0, 0]}}}}");
        return [.. BitConverter.GetBytes((long)header.Length), .. header];
    }

    /// <summary>Files with the text, and the command that reads them.</summary>
    private sealed class Place(CommandWorld world, string text)
    {
        private readonly string _folder = Directory.CreateDirectory(world.New()).FullName;

        public Outcome? Outcome { get; private set; }

        public bool IsJson { get; private set; }

        public string Text => text;

        /// <summary>The text without what ends a line or a field.</summary>
        public string Line { get; } = text.Replace("\r", "", StringComparison.Ordinal);

        public string Json { get; } = JsonSerializer.Serialize(text);

        public string Labels => Path.Combine(world.Data, "test_b", "label.tsv");

        public static string In(string folder, string name) => Path.Combine(folder, name);

        public string New(string ending) => $"{world.New()}.{ending}";

        public string FileOf(string name, string content) => FileOf(name, Encoding.UTF8.GetBytes(content));

        public string FileOf(string name, byte[] content)
        {
            string path = Path.Combine(_folder, name);
            File.WriteAllBytes(path, content);
            return path;
        }

        public string Data(Action<string> change)
        {
            string data = world.CopyOfData();
            change(data);
            return data;
        }

        public string Copy(Action<string> change)
        {
            string run = world.CopyOfRun();
            change(run);
            return run;
        }

        public string Model() => Path.Combine(world.Pretrained, "last");

        public string Embeddings(string id) => FileOf("vectors.json", JsonSerializer.Serialize(new[] { id, "1", "3" }.Distinct().ToDictionary(static id => id, static id => new[] { 1, id.Length })));

        public string Matrix(string id)
        {
            FileOf("m.ids.txt", $"{id}\n{id}\n");
            return FileOf("m.npy", NumpyFile.Of(2, 4));
        }

        public string Zip(params string[] names)
        {
            string path = Path.Combine(_folder, "z.zip");
            using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
            foreach (string name in names)
                zip.CreateEntry(name);
            return path;
        }

        public byte[] Frame(byte[] payload)
        {
            string path = Path.Combine(_folder, "frame");
            TinyData.WriteRecords(path, [payload]);
            return File.ReadAllBytes(path);
        }

        public string Records(string id, string title)
        {
            string path = Path.Combine(_folder, "r.tfrecords");
            var frames = new Half[TinyData.FrameWidth];
            TinyData.WriteRecords(path, [new ExampleWriter().WriteVideo(Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes(title), "nan"u8, frames, TinyData.FrameWidth, [], null).ToArray()]);
            return path;
        }

        public static void Replace(string folder, string name, string old, string replacement)
        {
            string path = Path.Combine(folder, name), content = File.ReadAllText(path);
            Assert.Contains(old, content, StringComparison.Ordinal);
            File.WriteAllText(path, content.Replace(old, replacement, StringComparison.Ordinal));
        }

        public void Run(params string[] args) => (Outcome, IsJson) = (Shell.RunAloud(args), args.Contains("--json"));

        public void Pretrain(Action<string> change) => Run(CommandWorld.Pretrain(Data(change), world.New()));

        public void Embed(Action<string> change) => Run(CommandWorld.Embed(Path.Combine(Copy(run => change(Path.Combine(run, "last"))), "last"), Path.Combine(world.Data, "test_b"), New("json")));

        public void Continue(Action<string> change) => Run(CommandWorld.Pretrain(world.Data, Copy(run =>
        {
            Directory.Delete(Path.Combine(run, "last"), recursive: true);
            change(run);
        })));

        public void Configured(string content) => Run(CommandWorld.Pretrain(world.Data, world.New(), "--config", FileOf("c.json", content)));

        public void Encoder(string config, byte[]? tensors = null, string? index = null)
        {
            FileOf("config.json", config);
            FileOf("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
            if (index is null)
                FileOf("model.safetensors", tensors ?? []);
            else
                FileOf("model.safetensors.index.json", index);
            Run("convert", _folder, world.New());
        }

        public void Import(string name, string table) => Run("data", "import", FileOf(name, table), "--frames", _folder, "--output-dir", world.New());
    }
}
