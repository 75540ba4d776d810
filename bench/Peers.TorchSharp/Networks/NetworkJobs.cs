using TorchSharp;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using VideoSim.Peers.Measuring;
using VideoSim.Peers.Torch;

namespace VideoSim.Peers.Networks;

/// <summary>Training steps and inference of whole networks.</summary>
internal static class NetworkJobs
{
    /// <summary>Names of the models. The others differ from them in the encoder or in the tag loss.</summary>
    public static readonly IReadOnlyList<string> Models = ["uniter", "mix"];

    private static readonly (string Preset, int Training, int Inference)[] Presets = [("tiny", 64, 32), ("reference", 8, 8)];

    /// <summary>Steps of pretraining, and the same without the update of the weights.</summary>
    public static IEnumerable<Job> Steps =>
        from sizes in Presets
        from model in Models
        from updates in new[] { true, false }
        select new Job($"{model} {sizes.Preset} {(updates ? "step" : "forward-backward")}, batch {sizes.Training}",
            threads => OurTraining(Load(sizes.Preset, model, sizes.Training), updates, threads),
            threads => PeerTraining(Load(sizes.Preset, model, sizes.Training), updates, threads));

    /// <summary>Embedding of a batch.</summary>
    public static IEnumerable<Job> Inference =>
        from sizes in Presets
        from model in Models
        select new Job($"{model} {sizes.Preset} inference, batch {sizes.Inference}",
            threads => OurInference(Load(sizes.Preset, model, sizes.Inference), threads),
            threads => PeerInference(Load(sizes.Preset, model, sizes.Inference), threads));

    /// <summary>A preset with the given batch.</summary>
    public static Preset Load(string preset, string model, int batch, params string[] overrides) => Preset.Load(preset, model, [$"pretrain.batch={batch}", .. overrides]);

    private static Work OurTraining(Preset sizes, bool updates, int threads)
    {
        var network = new VideoSimNetwork(sizes, training: true, threads, keepsGradients: !updates);
        var step = network.BuildTraining(updates);
        return new Work(() => VideoSimNetwork.Run(step), network.Model.Parameters.Count);
    }

    private static Work OurInference(Preset sizes, int threads)
    {
        var network = new VideoSimNetwork(sizes, training: false, threads);
        return new Work(network.BuildInference().Run, network.Model.Parameters.Count);
    }

    private static Work PeerTraining(Preset sizes, bool updates, int threads)
    {
        var (network, weights, batch) = Peer(sizes, threads);
        var parameters = weights.All.Values.Select(static weight => weight.Value).ToList();
        var adam = updates ? torch.optim.Adam(parameters, 1e-5) : null;
        return new Work(() =>
        {
            using var scope = torch.NewDisposeScope();
            // As the optimizer's zero_grad. Dropping the gradients instead takes longer and more memory.
            foreach (var parameter in parameters)
                parameter.grad?.zero_();
            network.Loss(batch).backward();
            adam?.step();
        }, weights.Count);
    }

    private static Work PeerInference(Preset sizes, int threads)
    {
        var (network, weights, batch) = Peer(sizes, threads);
        return new Work(() =>
        {
            using var off = torch.no_grad();
            using var scope = torch.NewDisposeScope();
            network.Embed(batch);
        }, weights.Count);
    }

    private static (TorchNetwork Network, TorchWeights Weights, TorchBatch Batch) Peer(Preset sizes, int threads)
    {
        torch.set_num_threads(threads);
        var model = ModelZoo.Create(sizes.Model);
        var weights = new TorchWeights(model.Parameters, torch.float32);
        var shape = model.Pretraining(sizes.Pretrain.Batch, sizes.Pretrain.Losses).Shape;
        return (TorchNetwork.Of(weights, sizes.Model, sizes.Pretrain.Losses), weights, new TorchBatch(new PeerBatch(shape, sizes.Model.Encoder.VocabSize), torch.float32));
    }
}
