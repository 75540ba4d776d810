using System.Buffers.Binary;
using System.Text.Json.Nodes;

namespace VideoSim.Tests.Shared;

/// <summary>
/// Tuning tables of the emulator's cuBLASLt, whose algorithms are known from src/Emulator/CublasLt.cpp.
/// </summary>
internal static class EmulatedTuning
{
    private const int PlaceOfPart = 24, ShortK = 8;

    /// <summary>
    /// Chooses the second algorithm for every product that has one. Its 64 bytes differ from those of the first in the
    /// length of k that is summed at once.
    /// </summary>
    /// <param name="file">The table.</param>
    /// <returns>How many products have one.</returns>
    internal static int PickSecond(string file)
    {
        var table = JsonNode.Parse(File.ReadAllText(file))!;
        int count = 0;
        foreach (var row in table["products"]!.AsArray())
        {
            long k = row!["product"]!["k"]!.GetValue<long>();
            if (k <= ShortK)
                continue;
            byte[] algorithm = Convert.FromHexString(row["algorithm"]!.GetValue<string>());
            BinaryPrimitives.WriteInt64LittleEndian(algorithm.AsSpan(PlaceOfPart), (k + 1) / 2);
            row["algorithm"] = Convert.ToHexStringLower(algorithm);
            count++;
        }
        File.WriteAllText(file, table.ToJsonString());
        return count;
    }
}
