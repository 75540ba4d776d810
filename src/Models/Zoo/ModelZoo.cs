using System.Collections.Immutable;
using VideoSim.Engine;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Zoo;

/// <summary>One of the models. JSON files of its name in <c>Recipes</c> have further changes of the presets.</summary>
/// <param name="Name">Its canonical name, in lower case with hyphens.</param>
/// <param name="Aliases">Other accepted names, in lower case with hyphens.</param>
/// <param name="EnsembleWeight">Its published weight in the ensemble.</param>
/// <param name="Architecture">Creates the model in given sizes, without allocated memory.</param>
/// <param name="Encoder">Type of its text encoder; see <see cref="EncoderConfig.ModelType"/>.</param>
/// <param name="TagLoss">Its tag loss in both stages.</param>
public sealed record ZooModel(string Name, ImmutableArray<string> Aliases, double EnsembleWeight, Func<ModelConfig, IVideoModel> Architecture, string Encoder, LabelFocus TagLoss);

/// <summary>All models.</summary>
public static class ModelZoo
{
    private static readonly Func<ModelConfig, IVideoModel> Mix = static config => new MixNextVlad(config), Uniter = static config => new Uniter(config);

    private static readonly LabelFocus CrossEntropy = default, Asymmetric = new(PositiveGamma: 0, NegativeGamma: 1, Margin: 0);

    // A model's index here is part of its seed in a reproduction, so new ones go last. The reference's last commit
    // pretrains mix-roformer with the asymmetric loss: --set pretrain.losses.negative_gamma=1.
    private static readonly ZooModel[] Models =
    [
        new("mix", ["mixnextvlad"], 0.17, Mix, EncoderConfig.Bert, CrossEntropy),
        new("mix-asl", ["mixnextvlad-asl"], 0.20, Mix, EncoderConfig.Bert, Asymmetric),
        new("mix-roformer", ["mixnextvlad-roformer"], 0.13, Mix, EncoderConfig.RoFormer, CrossEntropy),
        new("uniter", [], 0.13, Uniter, EncoderConfig.Bert, CrossEntropy),
        new("uniter-asl", [], 0.20, Uniter, EncoderConfig.Bert, Asymmetric),
        new("uniter-roformer", [], 0.17, Uniter, EncoderConfig.RoFormer, CrossEntropy),
    ];

    /// <summary>The canonical names, in the order of the reference system.</summary>
    public static ImmutableArray<string> Names { get; } = [.. Models.Select(static model => model.Name)];

    /// <summary>
    /// Finds a model by name. Case is ignored, underscores count as hyphens, and aliases are accepted.
    /// </summary>
    /// <exception cref="DataException">There is no such model; the message lists all models.</exception>
    public static ZooModel Find(string name)
    {
        string plain = name.ToLowerInvariant().Replace('_', '-');
        return Array.Find(Models, model => model.Name == plain || model.Aliases.Contains(plain))
            ?? throw new DataException($"there is no model {Printable.Quote(name)}; models: {string.Join(", ", Names)}{(plain.Contains(',', StringComparison.Ordinal) ? "; blanks separate several names" : Suggestion.Text(plain, Names))}");
    }

    /// <summary>The canonical name for any name that <see cref="Find"/> accepts.</summary>
    /// <exception cref="DataException">There is no such model.</exception>
    public static string Canonical(string name) => Find(name).Name;

    /// <summary>A model of the given sizes, without allocated memory.</summary>
    /// <exception cref="DataException">The sizes do not fit together; the message names one.</exception>
    public static IVideoModel Create(ModelConfig config)
    {
        config.Validate();
        return Find(config.Model).Architecture(config);
    }
}
