using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Layers;

/// <summary>
/// NeXtVLAD pooling of frames (Lin et al., "NeXtVLAD", 2018; docs/reference-system.md, section 3.3). The poolings of
/// all experts are computed together: expand, assign each group of each frame to clusters, aggregate residuals to the
/// centres, map.
/// </summary>
internal sealed class NeXtVlad
{
    private readonly ModelConfig _config;
    private readonly Dense _expand, _attention, _cluster, _output;
    private readonly BatchNormalization _clusterNorm;
    private readonly Parameter _centres;

    public NeXtVlad(ParameterStore store, int group, IReadOnlyList<string> names, ModelConfig config)
    {
        _config = config;
        int expanded = config.VladExpandedWidth, groupWidth = expanded / config.VladGroups;
        _expand = new Dense(store, Names("expand"), config.FrameWidth, expanded, group: group);
        _attention = new Dense(store, Names("attention"), expanded, config.VladGroups, group: group);
        _cluster = new Dense(store, Names("cluster"), expanded, config.VladGroups * config.VladClusters, bias: false, group: group);
        _clusterNorm = new BatchNormalization(store, Names("cluster_norm"), config.VladGroups * config.VladClusters, group);
        _centres = store.Stack(group, new Shape(names.Count, groupWidth, config.VladClusters),
            [.. Names("centres").Select(name => (name, new Shape(groupWidth, config.VladClusters)))], Initializers.GlorotNormal);
        _output = new Dense(store, Names("output"), groupWidth * config.VladClusters, config.VladWidth, group: group);

        string[] Names(string part) => [.. names.Select(name => $"{name}.{part}")];
    }

    /// <summary>Pools masked frames [B*F, W] to [E, B, VladWidth].</summary>
    /// <param name="tape">The step.</param>
    /// <param name="frames">Frames; those past a video's frame count are zero.</param>
    /// <param name="videos">B.</param>
    /// <param name="sides">Number of groups of videos with separate batch statistics.</param>
    public Tensor Forward(Tape tape, in Tensor frames, int videos, int sides)
    {
        var hidden = _expand.Forward(tape, frames);                                             // [E, B*F, G*D]
        var clusterLogits = _clusterNorm.Prepare(tape, _cluster.Forward(tape, hidden), sides);  // [E, B*F, G*K]
        var groupLogits = _attention.Forward(tape, hidden);                                     // [E, B*F, G]
        var aggregated = VladAggregation.Forward(tape, hidden, clusterLogits, groupLogits, tape.Use(_centres), videos,
            _config.VladGroups, _config.VladClusters, RandomSites.Vlad, _config.VladDropout);  // [E, B, D*K]
        tape.Note("experts.vlad.expanded", hidden);
        tape.Note("experts.vlad.cluster_logits", clusterLogits.X);
        tape.Note("experts.vlad.group_logits", groupLogits);
        tape.Note("experts.vlad.aggregated", aggregated);
        return tape.Note("experts.vlad.output", _output.ForwardToSingle(tape, aggregated));
    }
}
