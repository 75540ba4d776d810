using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A process that comes late does not shorten the metrics of the next owner of its run.</summary>
public sealed class RunMetricsTests : IDisposable
{
    private const string Content = "{\"step\":1}\n{\"step\":2}\n";

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    private string Metrics => Path.Combine(_root, RunMetrics.Name);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Cut_RunThatIsLostWhileTheFileIsOpened_ChangesNothing()
    {
        File.WriteAllText(Metrics, Content);
        int checks = 0;
        using (WriteGuard.Begin(() => LoseAt(++checks)))
            Assert.Equal("lost", Assert.Throws<DataException>(() => new RunMetrics(_root).Cut(11)).Message);
        Assert.Equal(Content, File.ReadAllText(Metrics));

        static void LoseAt(int check)
        {
            if (check == 2)
                throw new DataException("lost");
        }
    }

    [Theory]
    [InlineData("{\"step\":1,\"step\":2}", "has the key 'step' twice")]
    [InlineData("{\"step\" 2}", "is not JSON: a colon is missing before '2'")]
    public void All_DamagedLine_IsNamedByItsNumberInTheFile(string line, string problem)
    {
        File.WriteAllText(Metrics, $"{Content}{line}\n");
        Assert.Equal($"{Metrics}: line 3: {problem}", Assert.Throws<DataException>(() => RunMetrics.All(_root)).Message);
    }

    [Fact]
    public void Cut_NothingToRemove_DoesNotWrite()
    {
        File.WriteAllText(Metrics, Content);
        var before = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(Metrics, before);
        new RunMetrics(_root).Cut(Content.Length);
        Assert.Equal(before, File.GetLastWriteTimeUtc(Metrics));
        new RunMetrics(_root).Cut(11);
        Assert.Equal(Content[..11], File.ReadAllText(Metrics));
    }
}
