using System.Collections.Immutable;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Zoo;

/// <summary>The models by name.</summary>
public static class ModelZoo
{
    /// <summary>Names as the command line has them, in the order of the reference system.</summary>
    public static ImmutableArray<string> Names { get; } = ["mix", "mix-asl", "mix-roformer", "uniter", "uniter-asl", "uniter-roformer"];

    /// <summary>The canonical name for a name as people write it: case and underscores do not matter, the published name is accepted.</summary>
    /// <exception cref="DataException">There is no such model; the message lists those there are.</exception>
    public static string Canonical(string name) => name.ToLowerInvariant().Replace('_', '-') switch
    {
        "mix" or "mixnextvlad" => "mix",
        "mix-asl" or "mixnextvlad-asl" => "mix-asl",
        "mix-roformer" or "mixnextvlad-roformer" => "mix-roformer",
        "uniter" => "uniter",
        "uniter-asl" => "uniter-asl",
        "uniter-roformer" => "uniter-roformer",
        _ => throw new DataException($"there is no model {Printable.Quote(name)}; models: {string.Join(", ", Names)}"),
    };

    /// <summary>The published weight of a model in the ensemble (specification 7.3).</summary>
    public static double EnsembleWeight(string model) => Canonical(model) switch
    {
        "mix" => 0.17,
        "mix-asl" => 0.20,
        "mix-roformer" => 0.13,
        "uniter" => 0.13,
        "uniter-asl" => 0.20,
        "uniter-roformer" => 0.17,
        var name => throw new InvalidOperationException($"no weight for {name}"),
    };

    /// <summary>A model of the given sizes, its memory not yet allocated.</summary>
    public static IVideoModel Create(ModelConfig config)
    {
        config.Validate();
        return Canonical(config.Model) switch
        {
            "mix" or "mix-asl" or "mix-roformer" => new MixNextVlad(config),
            "uniter" or "uniter-asl" or "uniter-roformer" => new Uniter(config),
            var name => throw new InvalidOperationException($"no architecture for {name}"),
        };
    }
}
