using System.Text.Json;
using VideoSim.Models.Exports;
using Xunit;

namespace VideoSim.Models.Tests.Exports;

public sealed class QdrantExportTests : IDisposable
{
    // The space of the names of hosts, RFC 9562, section 6.6.
    private static readonly Guid Dns = new("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

    private readonly ExportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The example of RFC 9562, appendix A.4.
    [Fact]
    public void VersionFive_OfTheExampleOfTheStandard_IsItsUuid() => Assert.Equal(new Guid("2ed6657d-e927-568b-95e1-2665a8aea6a2"), QdrantExport.VersionFive(Dns, "www.example.com"));

    [Fact]
    public void Write_Embeddings_IsAPointOnEachLine()
    {
        string file = _folder.Export("qdrant", [("1", [0.5, -2]), ("007", [1e-45, 3])], new Dictionary<string, string> { ["1"] = "海 \"x\"" });
        Assert.Equal("""
            {"id":1,"vector":[0.5,-2],"payload":{"id":"1","title":"海 \"x\""}}
            {"id":"12c1878f-c297-5b7a-ad5d-b71cc88f6571","vector":[1E-45,3],"payload":{"id":"007"}}

            """, File.ReadAllText(file));
    }

    // Whole numbers of 64 bits stay, in their one spelling. All others are UUIDs of version 5, each another.
    [Fact]
    public void Write_IdsOfAllKinds_AreIdsOfQdrantAndStayInThePayload()
    {
        string[] ids = ExportFolder.HardIds;
        var points = Points(_folder.Export("qdrant", [.. ids.Select(static id => (id, new[] { 1.0 }))])).ToList();
        Assert.Equal(ids, points.Select(static point => point.GetProperty("payload").GetProperty("id").GetString()));
        var numbers = points.Select(static point => point.GetProperty("id")).ToLookup(static id => id.ValueKind == JsonValueKind.Number);
        Assert.Equal([7, ulong.MaxValue], numbers[true].Select(static id => id.GetUInt64()));
        var names = numbers[false].Select(static id => id.GetGuid()).ToList();
        Assert.Equal(ids.Length - 2, names.Distinct().Count());
        Assert.All(names, static name => Assert.Equal((5, true), (name.Version, name.Variant is >= 8 and <= 11)));
    }

    [Fact]
    public void Write_ValuesOfAllSizes_ReadBackAsTheSameFloat32()
    {
        var rows = ExportFolder.ManyRows();
        var points = Points(_folder.Export("qdrant", rows));
        Assert.All(rows.Zip(points), static pair => Assert.Equal(pair.First.Values.Select(static value => BitConverter.SingleToInt32Bits((float)value)),
            pair.Second.GetProperty("vector").EnumerateArray().Select(static value => BitConverter.SingleToInt32Bits(value.GetSingle()))));
        Assert.Equal(rows.Length, points.Count);
    }

    private static List<JsonElement> Points(string file) => [.. File.ReadLines(file).Select(static line => JsonDocument.Parse(line).RootElement)];
}
