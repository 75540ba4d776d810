using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Training writes the same files with vectors of 512 and of 256 bits.</summary>
[Collection(nameof(CommandTests))]
public sealed class VectorWidthTests(CommandWorld world)
{
    [Theory]
    [InlineData("mix")]
    [InlineData("uniter")]
    public void Pretrain_With256Bits_WritesTheSameBytes(string model)
    {
        string widest = world.New(), narrow = world.New();
        ChildProcess.Run([], CommandWorld.Pretrain(world.Data, widest, "--model", model)).AssertDone();
        ChildProcess.Run(new() { ["DOTNET_EnableAVX512"] = "0" }, CommandWorld.Pretrain(world.Data, narrow, "--model", model)).AssertDone();
        Folders.AssertEqual(widest, narrow);
    }
}
