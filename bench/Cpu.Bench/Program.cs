using System.Globalization;
using System.Text.Json;
using VideoSim.Cpu.Bench;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;

// Cpu.Bench [--data FOLDER] [--threads N] [--rounds N] [--json FILE]
// FOLDER is a dataset of "videosim data synth"; without it the input path is not measured.
// Cpu.Bench --index FILES: only the time and memory of an index over TFRecord files.
string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
int Number(string name, int otherwise) => Option(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

if (Option("--index") is { } files)
{
    var result = Indexing.Measure(files);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{result.Records} records, {result.FileBytes / 1e9:F2} GB in {result.Seconds:F1} s; the index holds {result.IndexBytes / 1e6:F1} MB"));
    return;
}
int threads = Number("--threads", Environment.ProcessorCount), rounds = Number("--rounds", 9);
var conditions = Conditions.Now(TimeProvider.System, threads, rounds);
Console.WriteLine(conditions);

using var device = new CpuDevice(threads);
using Arena arena = new(device, Buffers.Bytes), workspace = new(device, Products.WorkspaceBytes);
var stream = (CpuStream)device.Stream;
var buffers = new Buffers(arena);
var subjects = new List<Subject>([.. Ceilings.All(stream, buffers.Anything), .. Products.All(stream, workspace, buffers), .. new Elementwise(stream, arena, buffers).All()]);
using var input = Option("--data") is { } folder ? new Input(folder, device) : null;
if (input is not null)
    subjects.AddRange(input.All());
var rates = Rounds.Measure(subjects, rounds);
foreach (var rate in rates)
{
    string share = rate.Share is { } part ? $"{part,6:P0} of {rate.Ceiling}" : "";
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{rate.Name,-42} {rate.PerSecond,8:F1} (best {rate.Best,6:F1}) {rate.PerCpuSecond,8:F2} a CPU second, {rate.Unit,-10} {share}"));
}
if (Option("--json") is { } path)
    File.WriteAllText(path, JsonSerializer.Serialize(new { conditions, rates }, Conditions.Json) + "\n");
