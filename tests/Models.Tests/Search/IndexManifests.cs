using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Tests.Search;

/// <summary>Manifests that a person has changed: their hash is right.</summary>
internal static class IndexManifests
{
    /// <summary>Changes a key of the manifest of an index.</summary>
    public static void Change(string folder, string key, string value)
    {
        string file = Path.Combine(folder, "manifest.json");
        var manifest = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        manifest.Remove(JsonSeal.Key);
        manifest[key] = JsonNode.Parse(value);
        using var stream = File.Create(file);
        JsonSeal.Write(stream, manifest);
    }
}
