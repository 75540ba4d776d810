using VideoSim.Kernels.Rotary;
using Xunit;

namespace VideoSim.Kernels.Tests.Rotary;

public sealed class RotaryTableTests
{
    [Fact]
    public void Create_RowOneOfWidth64_HasTheKnownEntries()
    {
        float[] row = RotaryTable.Create(positions: 2, headWidth: 64)[64..];
        Assert.Equal(0.841471, row[0], 1e-6);      // sin 1
        Assert.Equal(0.540302, row[32], 1e-6);     // cos 1
        Assert.Equal(1.333521e-4, row[31], 1e-10); // sin(10000^(-62/64))
    }

    [Fact]
    public void Create_RowZero_TurnsNothing() => Assert.Equal([0, 0, 0, 1, 1, 1], RotaryTable.Create(positions: 1, headWidth: 6));

    [Fact]
    public void Create_AnyEntry_LiesOnTheUnitCircle()
    {
        float[] table = RotaryTable.Create(positions: 1536, headWidth: 10);
        for (int p = 0; p < 1536; p++)
        {
            for (int i = 0; i < 5; i++)
                Assert.Equal(1, table[p * 10 + i] * table[p * 10 + i] + table[p * 10 + 5 + i] * table[p * 10 + 5 + i], 1e-6);
        }
    }

    [Fact]
    public void Create_OddWidth_IsRefused() => Assert.Throws<ArgumentException>(() => RotaryTable.Create(positions: 1, headWidth: 5));
}
