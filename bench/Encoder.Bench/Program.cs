// Encoder.Bench FOLDER...: loads each published encoder into a model and compares peak memory and time with bounds.
// Exit code 1 if one exceeds its bound. make.py writes such folders. Needs Linux, since it reads /proc.
// Times are processor times, with the files in the system's cache: comparable on a busy machine, too. Each folder has
// its own process, because the peak of a process never falls.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Models.Configuration;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Zoo;
using VideoSim.Pretrained.Hdf5;

const double MostMemory = 1.2, MostTime = 3;
const long FixedBytes = 100_000_000;

if (args is [])
{
    Console.Error.WriteLine("usage: Encoder.Bench FOLDER...");
    return 2;
}
if (args.Length > 1)
{
    int worst = 0;
    foreach (string each in args)
    {
        using var child = Process.Start(Environment.ProcessPath!, [each]);
        child.WaitForExit();
        worst = Math.Max(worst, child.ExitCode);
    }
    return worst;
}

string folder = args[0];
string[] files = [.. Directory.GetFiles(folder).Where(static path => Path.GetExtension(path) is ".safetensors" or ".bin" or ".h5")];
byte[] chunk = new byte[1 << 20];
ReadAndCopy(copies: 0); // fills the system's cache for both

double start = ProcessorSeconds();
long parameters;
using (var device = new CpuDevice(threads: 1))
using (var encoder = PretrainedFolder.Open(folder, Hdf5File.Open))
{
    // Uniter has few weights besides its encoder.
    using var store = ModelZoo.Create(new ModelConfig { Model = encoder.Encoder.ModelType == EncoderConfig.Bert ? "uniter" : "uniter-roformer", Encoder = encoder.Encoder, Tags = 10 }).Parameters;
    store.Allocate(device, training: false);
    parameters = encoder.LoadInto(store).Where(static row => row.Use == EncoderUse.Used).Sum(static row => row.Bytes) / sizeof(float);
}
double load = ProcessorSeconds() - start;
long peak = PeakBytes();

start = ProcessorSeconds();
ReadAndCopy(copies: (int)Math.Max(1, Math.Round((double)parameters * sizeof(float) / files.Sum(static file => new FileInfo(file).Length))));
double plain = ProcessorSeconds() - start, memory = MostMemory * parameters * sizeof(float) + FixedBytes;
bool good = peak <= memory && load <= MostTime * plain;
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{Path.GetFileName(folder),-28} {parameters,11:N0} parameters  peak {peak / 1e6,4:F0} MB of {memory / 1e6,4:F0}  load {load:F2} s, read and copy {plain:F2} s: {load / plain:F2} of {MostTime}  {(good ? "good" : "BAD")}"));
return good ? 0 : 1;

// Tensors are float32 in memory. Of a file with halves each byte is copied twice.
unsafe void ReadAndCopy(int copies)
{
    foreach (string path in files)
    {
        using var file = File.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        byte* memory = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, length * copies)), next = memory;
        for (long done = 0; done < length;)
        {
            int read = RandomAccess.Read(file, chunk, done);
            for (int copy = 0; copy < copies; copy++, next += read)
                chunk.AsSpan(0, read).CopyTo(new Span<byte>(next, read));
            done += read;
        }
        NativeMemory.Free(memory);
    }
}

static double ProcessorSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

static long PeakBytes()
{
    string line = File.ReadLines("/proc/self/status").Single(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
    return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
