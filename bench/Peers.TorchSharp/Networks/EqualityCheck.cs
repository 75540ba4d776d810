using System.Globalization;
using TorchSharp;
using VideoSim.Engine;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Recipes;
using VideoSim.Peers.Torch;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Networks;

/// <summary>
/// Compares both sides of a network with equal weights, on a small preset without dropout: embeddings, loss and
/// gradients. The truth is the peer's network in float64.
/// <para>
/// The bound: a relative error is the largest difference from the truth, as a share of the largest true value of the
/// tensor. No tensor's error may exceed three times the largest error that libtorch has in float32 in any tensor of
/// the network.
/// </para>
/// </summary>
internal static class EqualityCheck
{
    private const double AllowedErrors = 3;
    private const int Seed = 1, Videos = 4;
    private const float Deviation = 0.05f;
    private const string Embedding = "the embedding", Loss = "the loss";

    private static readonly string[] NoDropout =
        ["model.encoder.hidden_dropout_prob=0", "model.encoder.attention_probs_dropout_prob=0", "model.vlad_dropout=0", "model.fusion_dropout=0"];

    /// <summary>Checks all networks and prints a line for each.</summary>
    /// <exception cref="DataException">A value differs or is not finite; the message names the tensor.</exception>
    public static void Run()
    {
        Libtorch.Prepare();
        foreach (string model in NetworkJobs.Models)
            Check(model);
    }

    private static void Check(string model)
    {
        var sizes = NetworkJobs.Load("micro", model, Videos, NoDropout);
        using var network = new VideoSimNetwork(sizes, training: true, threads: 1);
        Disturb(network);
        TorchWeights single = Copy(network, torch.float32), exact = Copy(network, torch.float64);
        var truth = PeerValues(network, sizes, exact, torch.float64);
        var peer = Errors($"{model}, libtorch", PeerValues(network, sizes, single, torch.float32), truth);
        var ours = Errors($"{model}, VideoSim", OurValues(network, exact), truth);
        double allowed = AllowedErrors * peer.Values.Max();
        var (worst, error) = ours.MaxBy(static pair => pair.Value);
        if (!(error <= allowed))
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"{model}: {worst} has a relative error of {error:0.0e0}, and {allowed:0.0e0} is allowed"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{model}: {exact.Count} parameters; {truth.Count} tensors have relative errors of at most {error:0.0e0}, and those of libtorch at most {peer.Values.Max():0.0e0}"));
    }

    // First values leave biases at 0 and norms at 1, where a missing one would not show.
    private static void Disturb(VideoSimNetwork network)
    {
        var random = new Random(Seed);
        foreach (var (_, value, _, _) in network.Model.Parameters.Parts())
            network.Model.Parameters.Upload([.. network.Device.Read<float>(value).Select(x => x + Deviation * (2 * random.NextSingle() - 1))], value);
    }

    private static TorchWeights Copy(VideoSimNetwork network, torch.ScalarType type)
    {
        var weights = new TorchWeights(network.Model.Parameters, type);
        foreach (var weight in weights.All.Values)
            TorchWeights.Set(weight, network.Device.Read<float>(weight.Declared.Value.Slice(weight.Offset, weight.Shape)));
        return weights;
    }

    private static Dictionary<string, double[]> OurValues(VideoSimNetwork network, TorchWeights weights)
    {
        var inference = network.BuildInference();
        inference.Run();
        var values = new Dictionary<string, double[]> { [Embedding] = Read(inference.Result) };
        var step = network.BuildTraining(updates: false); // after the inference: it changes the running averages
        VideoSimNetwork.Run(step);
        values[Loss] = [step.Loss()];
        foreach (var (name, weight) in weights.All)
            values[GradientOf(name)] = Read(weight.Declared.Gradient.Slice(weight.Offset, weight.Shape));
        return values;

        double[] Read(Tensor tensor) => Array.ConvertAll(network.Device.Read<float>(tensor), static value => (double)value);
    }

    private static Dictionary<string, double[]> PeerValues(VideoSimNetwork network, Preset sizes, TorchWeights weights, torch.ScalarType type)
    {
        var peer = TorchNetwork.Of(weights, sizes.Model, sizes.Pretrain.Losses);
        var batch = new TorchBatch(network.Batch, type);
        var values = new Dictionary<string, double[]> { [Embedding] = Read(peer.Embed(batch)) };
        var loss = peer.Loss(batch);
        loss.backward();
        values[Loss] = Read(loss);
        foreach (var (name, weight) in weights.All)
            values[GradientOf(name)] = Read(weight.Value.grad ?? throw new DataException($"{sizes.Model.Model}: the peer does not use {name}"));
        return values;

        static double[] Read(TorchTensor tensor) => tensor.detach().to(torch.float64).contiguous().data<double>().ToArray();
    }

    private static string GradientOf(string name) => $"the gradient of {name}";

    // The relative error of each tensor. Math.Max keeps a NaN, and LINQ's Max ignores it.
    private static Dictionary<string, double> Errors(string side, Dictionary<string, double[]> values, Dictionary<string, double[]> truth) => truth.ToDictionary(static pair => pair.Key, pair =>
    {
        double error = pair.Value.Zip(values[pair.Key], static (exact, value) => Math.Abs(value - exact)).Aggregate(Math.Max) / pair.Value.Select(Math.Abs).Aggregate(Math.Max);
        return double.IsFinite(error) ? error : throw new DataException($"{side}: {pair.Key} has no finite relative error: a value is not finite, or all true values are 0");
    });
}
