using System.Text.Json.Serialization;

namespace VideoSim.Models.Import;

/// <summary>
/// The state of an unfinished import. All rows before <see cref="Row"/> are in the files, which may be longer than
/// noted.
/// </summary>
/// <param name="Key">Digest of options and inputs.</param>
/// <param name="Row">Number of the next row, from 0.</param>
/// <param name="Files">Path and size of each file.</param>
/// <param name="BadRows">Bad rows before the next row that were found by reading frames.</param>
internal sealed record ImportState(string Key, int Row, Dictionary<string, long> Files, List<BadFrames> BadRows);

/// <summary>A row with bad frames.</summary>
internal sealed record BadFrames(int Row, long Line, string Id, string Reason)
{
    /// <summary>The same row without texts. A state keeps those of the rows that are listed.</summary>
    internal BadFrames Unlisted => this with { Id = "", Reason = "" };
}

/// <summary>What import.json says about the data beside it.</summary>
internal sealed record ImportRecord(string Key, ImportResult Result);

/// <summary>JSON of these.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ImportState))]
[JsonSerializable(typeof(ImportRecord))]
internal sealed partial class ImportJson : JsonSerializerContext;
