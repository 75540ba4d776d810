using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace VideoSim.Fuzz.Formats;

/// <summary>The folder of a small finetuning run with one checkpoint.</summary>
internal static class RunFiles
{
    /// <summary>The step of its checkpoint.</summary>
    public const int Step = 2;

    /// <summary>Its metrics.jsonl.</summary>
    public const string Metrics = """
        {"step":0,"val_spearman":0.3}
        {"step":1,"loss":5.5,"learning_rate":0.0005,"encoder_learning_rate":3E-05,"grad_norm":0.75}
        {"step":2,"loss":4.25,"val_tag_ap":0.5,"learning_rate":0}
        {"step":2,"val_spearman":0.5}
        {"step":2,"rollback":1,"to":1,"reason":"loss is NaN"}
        {"step":2,"early_stopping":3}

        """;

    /// <summary>SHA-256 of <see cref="Metrics"/>.</summary>
    public static string MetricsHash { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Metrics)));

    /// <summary>All files with their content.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        ["args.json"] = """
            {"command":"finetune","preset":"micro","seed":42,"data":"/data","version":"0.1.0","fold":1,"skip_bad_records":false,
             "model":{"model":"mix","frames":8},"finetune":{"steps":2,"batch":4,"on_nan":"rollback","early_stopping_patience":0},"grown":[{"from":1,"finetune":{"steps":1}}],"set":["finetune.batch=4"]}
            """,
        ["metrics.jsonl"] = Metrics,
        ["timing.jsonl"] = """
            {"step":1,"time":"2026-11-29T00:00:00Z","session":1,"seconds":0.5,"input":0.05,"train":0.35,"validation":0.06,"saving":0.02,"samples_per_second":60,"memory_bytes":1500000000}
            {"step":2,"time":"2026-11-29T00:00:01Z","session":1,"seconds":0.5,"input":0.05,"train":0.35,"validation":0.06,"saving":0.02,"samples_per_second":60.5,"memory_bytes":1500000000}

            """,
        ["environment.json"] = """
            {"sessions":[{"started":"2026-11-29T00:00:00Z","from_step":0,"command_line":["videosim","finetune","--output-dir","a folder"],"version":"0.1.0","commit":null,"machine":"m","processor":"p","os":"Linux","dotnet":".NET 10","device":"cpu","threads":2},
             {"started":"2026-11-29T01:00:00Z","from_step":1,"command_line":[],"version":"0.1.0","commit":"0123456","machine":"m","processor":"p","os":"Linux","dotnet":".NET 10","device":"cuda","threads":null}]}
            """,
        ["inputs.json"] = $$"""[{"path":"/data/pairwise/label.tsv","bytes":4321,"sha256":"{{new string('a', 64)}}"}]""",
        ["validation.tsv"] = "1\t2\t0\t0.1\n1\t3\t1\t0.3\n2\t3\t0.5\t0.4\n",
        ["embeddings.json"] = """{"videos":40,"width":256,"norm_mean":8.5,"norm_deviation":0.4,"norm_min":6.1,"norm_max":9.9,"effective_rank":40.5,"mean_cosine":0.31,"near_duplicates":2}""",
        [StateFile] = $$"""{"step":2,"metrics_bytes":{{Metrics.Length}},"best_spearman":0.5,"best_step":2,"last_spearman":0.5,"validations_without_gain":0,"rollbacks":0,"validation_due":false,"interrupted":false}""",
    };

    /// <summary>Name of the state of its checkpoint.</summary>
    public static string StateFile => $"checkpoint-{Step}/trainer_state.json";

    /// <summary>Writes all files.</summary>
    public static void Write(string folder) => Write(folder, All.Keys);

    /// <summary>Writes some of the files.</summary>
    public static void Write(string folder, IEnumerable<string> names)
    {
        foreach (var (name, text) in All.Where(file => names.Contains(file.Key)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
            File.WriteAllText(Path.Combine(folder, name), text);
        }
    }

    /// <summary>The arguments of the same command.</summary>
    public static JsonObject Arguments() => JsonNode.Parse(All["args.json"])!.AsObject();
}
