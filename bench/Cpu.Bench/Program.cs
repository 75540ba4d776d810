using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using VideoSim.Cpu.Bench;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;

// Cpu.Bench [--data FOLDER] [--threads N] [--rounds N] [--json FILE]
// FOLDER is a dataset of "videosim data synth"; without it the input path is left out.
string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
int Number(string name, int otherwise) => Option(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

int threads = Number("--threads", Environment.ProcessorCount), rounds = Number("--rounds", 9);
const string cpuInfo = "/proc/cpuinfo";
string processor = (File.Exists(cpuInfo) ? File.ReadLines(cpuInfo).FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal)) : null)
    ?.Split(": ")[^1] ?? RuntimeInformation.ProcessArchitecture.ToString();
string machine = $"{processor}, {Environment.ProcessorCount} cores, {threads} threads, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}";
Console.WriteLine(machine);

using var device = new CpuDevice(threads);
using var arena = new Arena(device, 256L << 20);
var subjects = new List<Subject>(Products.All(device, arena, threads));
using var input = Option("--data") is { } folder ? new Input(folder, device) : null;
if (input is not null)
    subjects.AddRange(input.All());
var rates = Rounds.Measure(subjects, rounds);
double peak = rates[0].PerCpuSecond;
foreach (var rate in rates)
{
    string share = rate.Unit == "GFLOP/s" ? $"{rate.PerCpuSecond / peak,6:P0} of the measured peak" : "";
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rate.Name,-34} {rate.PerSecond,8:F1} {rate.PerCpuSecond,8:F2} a CPU second, {rate.Unit,-10} {share}"));
}
if (Option("--json") is { } path)
    File.WriteAllText(path, JsonSerializer.Serialize(new { machine, rounds, rates }, new JsonSerializerOptions { WriteIndented = true }) + "\n");
