using System.IO.Compression;
using System.Text.Json;

namespace VideoSim.Models.Tests.Text;

/// <summary>Golden files of the tokenizers; how they are made: tests/Golden/tokenizer/README.md.</summary>
internal static class GoldenTokens
{
    internal static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", "tokenizer", name);

    internal static JsonDocument Unpack(string name)
    {
        using var packed = new GZipStream(File.OpenRead(PathOf(name)), CompressionMode.Decompress);
        return JsonDocument.Parse(packed);
    }
}
