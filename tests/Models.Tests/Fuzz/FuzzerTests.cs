using VideoSim.Engine;
using VideoSim.Fuzz;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Fuzz;

/// <summary>The fuzzer finds planted mistakes, and gives the same inputs again.</summary>
public sealed class FuzzerTests : IDisposable
{
    private readonly ScratchFolder _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("exception", 1)]
    [InlineData("message", 1)]
    [InlineData("value", 1)]
    [InlineData("memory", 1)]
    [InlineData("none", 0)]
    public void Run_PlantedMistake_IsFoundAndItsInputSaved(string oracle, int findings)
    {
        var format = new Planted(oracle);
        var result = Fuzz(format, new Execution(format, _work.Path), 400);
        Assert.Equal(findings, result.Findings);
        Assert.Equal(400, result.Executions);
        string folder = Path.Combine(_work.Path, "found", format.Name);
        string[] saved = Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
        Assert.Equal(findings, saved.Length);
        Assert.All(saved, file => Assert.StartsWith($"{oracle}-", Path.GetFileName(file), StringComparison.Ordinal));
        Assert.All(saved, file => Assert.Equal(oracle, new Execution(format, _work.Path).Run(File.ReadAllBytes(file)).Finding?.Oracle));
    }

    [Fact]
    public void Run_SameSeed_GivesTheSameInputs()
    {
        var first = Inputs(seed: 1);
        Assert.Equal(first, Inputs(seed: 1));
        Assert.NotEqual(first, Inputs(seed: 2));
        Assert.InRange(first.Distinct().Count(), 200, 400);

        List<string> Inputs(ulong seed)
        {
            var format = new Planted("none");
            Fuzz(format, new Execution(format, _work.Path), 400, seed);
            return format.Inputs;
        }
    }

    [Fact]
    public void IsTooLong_Time_IsComparedWithTheMedianAndASecond()
    {
        var durations = new Durations(TimeSpan.FromSeconds(0.1));
        Assert.False(durations.IsTooLong(TimeSpan.FromSeconds(1)));
        Assert.True(durations.IsTooLong(TimeSpan.FromSeconds(1.01)));
        for (int i = 0; i < 255; i++)
            durations.Add(TimeSpan.FromMilliseconds(4));
        Assert.False(durations.IsTooLong(TimeSpan.FromMilliseconds(199)));
        Assert.True(durations.IsTooLong(TimeSpan.FromMilliseconds(201)));
        for (int i = 0; i < 255; i++)
            durations.Add(TimeSpan.FromMilliseconds(0.1));
        Assert.False(durations.IsTooLong(TimeSpan.FromMilliseconds(99)));
        Assert.True(durations.IsTooLong(TimeSpan.FromMilliseconds(101)));
    }

    [Fact]
    public void Minimize_Input_KeepsWhatCausesTheFinding() =>
        Assert.Equal("!"u8.ToArray(), Minimizer.Minimize("a long text with one ! in it"u8.ToArray(), static input => input.Contains((byte)'!') ? "found" : null));

    private FuzzResult Fuzz(Format format, Execution execution, long executions, ulong seed = 1) =>
        new Fuzzer(format, execution, new Findings(Path.Combine(_work.Path, "found"), format), coverage: null).Run(seed, new Budget(executions, null, null));

    // Makes a mistake for every input that begins with another letter than the valid one.
    private sealed class Planted(string oracle) : Format("planted", "input.txt", "")
    {
        public List<string> Inputs { get; } = [];

        public override long FreeBytes => 1 << 20;

        public override IEnumerable<byte[]> Seeds() => ["valid input"u8.ToArray()];

        public override void Read(string path, byte[] input)
        {
            Inputs.Add(Convert.ToHexString(input));
            Assert.Equal(input, System.IO.File.ReadAllBytes(path));
            if (input is [(byte)'v', ..])
                return;
            switch (oracle)
            {
                case "exception":
                    throw new InvalidOperationException("planted");
                case "message":
                    throw new DataException($"{path}: has \u001b[2J");
                case "value":
                    Expect.Equal(1, 2, "planted value");
                    break;
                case "memory":
                    GC.KeepAlive(new byte[2 << 20]);
                    break;
            }
            throw new DataException($"{path}: is refused");
        }
    }
}
