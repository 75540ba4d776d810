using System.Text;
using System.Text.Json.Serialization.Metadata;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Import;
using VideoSim.Models.Profiling;
using VideoSim.Models.Reports;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;

namespace VideoSim.Fuzz.Formats;

/// <summary>A JSON file that the program has written before, compared with JsonDocument.</summary>
/// <param name="name">Name of the format.</param>
/// <param name="file">Name of the file.</param>
/// <param name="reader">The code that reads it.</param>
/// <param name="seed">A valid file.</param>
/// <param name="read">Reads a file, and compares it with its bytes.</param>
internal sealed class JsonFileFormat(string name, string file, string reader, string seed, Action<string, byte[]> read) : Format(name, file, reader)
{
    private const string Summary = """
        {"models":{"mix":{"random_spearman":0.1,"pretrain_spearman":0.4,"folds":[{"fold":1,"val_spearman":0.6,"test_spearman":0.61}],"test_spearman":0.7}},
         "baselines":{"mean_frame_cosine":0.2,"title_overlap":0.3,"linear_probe":0.45},"ensemble":{"test_spearman":0.7,"normalized_test_spearman":0.7,"weights":{"mix":1},"mean_norms":{}},"best_possible_spearman":0.94}
        """;

    private const string BenchRunSeed = """
        {"date":"2026-11-29T21:00:00Z","commit":"c0ffee","quick":false,"machine":{"cpu":"EPYC","cores":2,"memory_bytes":8000000000,"os":"Debian","gpu":{"name":"H100","driver":"580"}},
         "versions":{"dotnet":"10.0.12"},"clocks":{"cpu_start":2600},"load":{"start":0.1,"end":null,"others_cores_max":0.05},"ceilings":{"bytes_per_second":2e10,"flops_per_second":5e11},
         "parts":[{"name":"kernels","budget_seconds":120,"seconds":60.5,"status":"cut","reason":"the time was used up"}]}
        """;

    private const string BenchRowsSeed = """
        [{"part":"kernels","name":"gelu","family":"gelu","system":"videosim","case":"512 x 768","size":393216,"device":"cpu","threads":2,
          "milliseconds":{"median":2,"p10":1.5,"p90":3,"best":1,"samples":20,"rounds":[2,2.5]},"bytes":1,"flops":2,"floor_milliseconds":3,"memory_bytes":4,
          "kernels":[{"name":"k","launches":1,"milliseconds":0.5}],"others_cores":0.1}]
        """;

    private const string BenchHeadSeed = """{"date":"2026-11-29T21:00:00Z","commit":"c0ffee","machine":"2 cores, .NET 10","processor":"EPYC","device":"cpu (2 threads)","others_cores":0.1,""";

    private const string BenchStepSeed = BenchHeadSeed + """
        "model":"mix","stage":"pretrain","preset":"tiny","batch":64,"steps":9,"median_milliseconds":8,"best_milliseconds":7,"p10_milliseconds":7.5,"p90_milliseconds":9,
         "memory_bytes":70000000,"flops":5e9,"kernels":[{"entry":"matmul","launches":62,"microseconds":4000}]}
        """;

    private const string BenchKernelsSeed = BenchHeadSeed + """
        "emulated":false,"preset":"tiny","is_cold":false,"rates":{"copy_bytes_per_second":2e10,"flops_per_second":5e11},
         "kernels":[{"family":"dropout","entry":"dropout_f32","is_of_step":true,"launch":"mix pretrain, batch 64","microseconds":{"median":20,"p10":18,"p90":30,"best":17,"samples":10},"flops":7,"bytes":8,"floor_microseconds":10}]}
        """;

    private const string TuningSeed = """
        {"format":1,"gpu":"NVIDIA H100 PCIe","cublaslt":"12.4.5","date":"2026-11-30","products":[{"product":{"m":64,"n":32,"k":16,"ld_a":16,"ld_b":16,"ld_c":32,"transpose_a":0,"transpose_b":1,"batch":2,
          "stride_a":1024,"stride_b":0,"stride_c":2048,"stride_bias":0,"has_bias":true,"operands":"bf16","result":"f32","alignment_a":256,"alignment_b":16,"alignment_c":8,"alignment_bias":16},
          "algorithm":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
          "microseconds":9.5,"first_microseconds":10,"candidates":8}]}
        """;

    /// <summary>A format for each such file.</summary>
    public static IEnumerable<Format> All() =>
    [
        Of("summary", "summary.json", "RunSet: report", Summary, ReproductionJson.Default.ReproductionSummary),
        Of("part-record", "mix.fold-1.json", "PartFolder: reproduce --collect", """{"host":"a","process":4,"device":"cpu (2 threads)","made_by":{"device":"cpu (X64)","libraries":null,"program":"version 0.1.0"},"training_seconds":1.5,"embedding_seconds":0.25,"sessions":1}""", ReproductionJson.Default.PartRecord),
        Of("import-state", "state.json", "ImportFolder: data import", """{"key":"k","row":3,"files":{"a/b.tfrecords":12},"bad_rows":[{"row":1,"line":2,"id":"x","reason":"no frames"}]}""", ImportJson.Default.ImportState),
        new JsonFileFormat("truth", "truth.json", "EarlierFiles: reproduce", """{"pairwise":{"best_possible_spearman":0.5},"test_b":{"best_possible_spearman":0.75}}""", Truth),
        new JsonFileFormat("bench", "bench.json", "BenchFile: report --bench", """{"model":"mix","stage":"pretrain","preset":"tiny","device":"cpu","median_milliseconds":12.5,"forward_milliseconds":3,"kernels":[{"entry":"a","microseconds":3.5},{"entry":"b","microseconds":1}]}""", Bench),
        new JsonFileFormat("variants", VariantTable.FileName, "VariantTable: VIDEOSIM_KERNELS", """[{"kernel":"softmax_forward_f32","device":"sm_90","shape":{"Rows":[1,64],"C":[1,1024]},"defines":{"WARPS":4},"reason":"1 us, not 2","measured":"today"}]""", Variants),
        new JsonFileFormat("tuning", "tuning.json", "TuningTable: --tuning", TuningSeed, Tuning),
        Of("bench-run", "run.json", "BenchResults: bench compare", BenchRunSeed, BenchRunJson.Default.BenchRun, BenchResults.ReadRun),
        Of("bench-rows", "rows.json", "BenchResults: bench compare", BenchRowsSeed, BenchRunJson.Default.IReadOnlyListBenchRow, BenchResults.ReadRows),
        new JsonFileFormat("bench-step", "step.json", "BenchFiles: bench compare", BenchStepSeed, BenchSide),
        new JsonFileFormat("bench-kernels", "kernels.json", "BenchFiles: bench compare", BenchKernelsSeed, BenchSide),
    ];

    private static void Variants(string path, byte[] input)
    {
        var table = VariantTable.Parse(path, input, KernelSources.Embedded);
        Expect.Equal(JsonOracle.Strict(input).GetArrayLength() == 0, table.IsEmpty, "whether the table is empty");
        Expect.That(table.Hash.Length == 8, "the hash has another length");
    }

    private static void Tuning(string path, byte[] input)
    {
        var table = TuningTable.Parse(path, input);
        var text = JsonOracle.Strict(input);
        JsonOracle.Same(JsonFile.Parse(path, input, TuningJson.Default.TuningFile), TuningJson.Default.TuningFile, text);
        Expect.Equal(text.GetProperty("products").GetArrayLength(), table.Products.Count, "number of products");
        Expect.That(table.Products.All(row => table.Find(row.Product) == row), "a product is not found");
    }

    public override IEnumerable<byte[]> Seeds() => [Encoding.UTF8.GetBytes(seed)];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Read(string path, byte[] input) => read(path, input);

    private static JsonFileFormat Of<T>(string name, string file, string reader, string seed, JsonTypeInfo<T> type) where T : class =>
        Of(name, file, reader, seed, type, path => JsonFile.Read(path, type));

    private static JsonFileFormat Of<T>(string name, string file, string reader, string seed, JsonTypeInfo<T> type, Func<string, T> read) where T : class =>
        new(name, file, reader, seed, (path, input) => JsonOracle.Same(read(path), type, JsonOracle.Strict(input)));

    private static void Truth(string path, byte[] input)
    {
        double? score = EarlierFiles.BestPossible(new DataFolder(Path.GetDirectoryName(path)!));
        Expect.Equal(JsonOracle.Strict(input).GetProperty("test_b").GetProperty("best_possible_spearman").GetDouble(), score, "score");
        Expect.That(score is >= -1.001 and <= 1.001, "a score that cannot be was taken");
    }

    private static void Bench(string path, byte[] input)
    {
        var parts = BenchFile.Read(path);
        JsonOracle.Strict(input);
        Expect.That(Execution.FaultOf(parts.Title) is null, "the title has unprintable characters", parts.Title);
        Expect.That(parts.Parts.All(static part => double.IsFinite(part.Milliseconds) && part.Share is >= 0 and <= 1), "a part has a time that cannot be");
    }

    private static void BenchSide(string path, byte[] input)
    {
        var results = BenchResults.Read(path);
        var text = JsonOracle.Strict(input);
        Expect.Equal($"{text.GetProperty("processor").GetString()}, {text.GetProperty("machine").GetString()!.Split(',')[0]}", results.Machine, "machine");
        Expect.That(results.Rows.All(static row => row.Milliseconds is { Median: > 0, Best: > 0 } time && time.Best <= time.Median), "a row has a time that cannot be");
        Expect.That(BenchComparison.Of(results, results).Differences.Count == results.Rows.Count, "a result has a row twice");
    }
}
