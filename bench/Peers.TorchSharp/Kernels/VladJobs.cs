using TorchSharp;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Peers.Measuring;
using VideoSim.Peers.Torch;

namespace VideoSim.Peers.Kernels;

/// <summary>One NeXtVLAD of the reference's size, with its linear maps. The frames get no gradient.</summary>
internal static class VladJobs
{
    private const string Name = "vlad";

    /// <summary>Forward and backward of a batch.</summary>
    public static Job Of(int videos)
    {
        var config = Preset.Load("reference", "mix", []).Model;
        var (frames, width) = (config.Frames, config.FrameWidth);
        return new Job($"NeXtVLAD-{config.VladClusters} forward-backward, {videos} x {frames} frames",
            threads =>
            {
                var store = new ParameterStore();
                var layers = new Layers(store, config);
                return OperatorStep.Of(threads, store, new Shape(1), (tape, _) =>
                {
                    var x = tape.Scratch(new Shape(videos * frames, width));
                    return (x, layers.Forward(tape, x, videos));
                });
            },
            threads =>
            {
                var store = new ParameterStore();
                _ = new Layers(store, config);
                var weights = new TorchWeights(store, torch.float32);
                var vlad = new TorchNextVlad(weights, Name, config);
                var x = TorchStep.Random(videos, frames, width);
                return TorchStep.Differentiated(threads, [.. weights.All.Values.Select(static weight => weight.Value)], () => vlad.Forward(x, training: true), weights.Count);
            });
    }

    // The layers of a NeXtVLAD, by the engine alone.
    private sealed class Layers
    {
        private readonly ModelConfig _config;
        private readonly Dense _expand, _attention, _cluster, _output;
        private readonly BatchNormalization _norm;
        private readonly Parameter _centres;

        public Layers(ParameterStore store, ModelConfig config)
        {
            _config = config;
            int expanded = config.VladExpandedWidth, groups = config.VladGroups, clusters = config.VladClusters, groupWidth = expanded / groups;
            _expand = new Dense(store, [$"{Name}.expand"], config.FrameWidth, expanded);
            _attention = new Dense(store, [$"{Name}.attention"], expanded, groups);
            _cluster = new Dense(store, [$"{Name}.cluster"], expanded, groups * clusters, bias: false);
            _norm = new BatchNormalization(store, [$"{Name}.cluster_norm"], groups * clusters);
            _centres = store.Stack(0, new Shape(1, groupWidth, clusters), [($"{Name}.centres", new Shape(groupWidth, clusters))], Initializers.GlorotNormal);
            _output = new Dense(store, [$"{Name}.output"], groupWidth * clusters, config.VladWidth);
        }

        public Tensor Forward(Tape tape, in Tensor frames, int videos)
        {
            var hidden = _expand.Forward(tape, frames);
            var logits = _norm.Prepare(tape, _cluster.Forward(tape, hidden));
            var aggregated = VladAggregation.Forward(tape, hidden, logits, _attention.Forward(tape, hidden), tape.Use(_centres), videos,
                _config.VladGroups, _config.VladClusters, site: 1, _config.VladDropout);
            return _output.Forward(tape, aggregated);
        }
    }
}
