using VideoSim.Fuzz;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Fuzz;

/// <summary>The valid inputs of the fuzzer, and all inputs that it has found.</summary>
public sealed class FindingsTests : IDisposable
{
    private readonly ScratchFolder _work = new();

    public static TheoryData<string> Formats { get; } = [.. FormatList.Names];

    public void Dispose() => _work.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Read_SeedsAndFindings_AreTakenOrRefusedInOneLine(string name)
    {
        var format = FormatList.Find(name);
        var execution = new Execution(format, _work.Path);
        foreach (byte[] seed in format.Seeds())
        {
            var outcome = execution.Run(seed);
            Assert.Null(outcome.Finding);
            Assert.Null(outcome.Refusal);
        }
        string findings = Path.Combine(AppContext.BaseDirectory, "findings", name);
        foreach (string file in Directory.Exists(findings) ? Directory.GetFiles(findings) : [])
            Assert.True(execution.Run(File.ReadAllBytes(file)).Finding is null, file);
    }

    [Fact]
    public void Findings_OfEveryFolder_BelongToAFormat() =>
        Assert.Empty(Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "findings")).Select(Path.GetFileName).Except(FormatList.Names));
}
