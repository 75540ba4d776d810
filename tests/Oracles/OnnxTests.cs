using Microsoft.ML.OnnxRuntime;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using VideoSim.Onnx;
using Xunit;

namespace VideoSim.Oracles.Tests;

/// <summary>Compares exported models, which ONNX Runtime runs, with our embeddings.</summary>
public sealed class OnnxTests : IDisposable
{
    // A trait of the tests that only .ci/run full runs.
    private const string Length = "length", Long = "long";

    // The largest difference of a value. Values are around 1.
    private const float Tolerance = 1e-4f;

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public static TheoryData<string> Models => [.. ModelZoo.Names];

    [Theory]
    [MemberData(nameof(Models))]
    public void Embeddings_OfTheTinySize_AreOurs(string model) => Compare(Preset.Load("tiny", model, []), batches: 100);

    // Without the mask, pooling reads padding and repeated frames.
    [Theory]
    [InlineData("mix-roformer")]
    [InlineData("uniter")]
    public void Embeddings_WithMaskedPooling_AreOurs(string model) => Compare(Preset.Load("tiny", model, ["model.masked_pooling=true"]), batches: 10);

    // Widths that are no powers of two, three groups, four experts, other lengths, a large epsilon.
    [Theory]
    [MemberData(nameof(Models))]
    public void Embeddings_OfOddSizes_AreOurs(string model) => Compare(Preset.Load("tiny", model,
    [
        "model.text_length=7", "model.frames=5", "model.frame_width=36", "model.experts=4", "model.vlad_expansion=1.25", "model.vlad_groups=3", "model.vlad_clusters=5",
        "model.vlad_width=20", "model.embedding_width=24", "model.squeeze_ratio=3", "model.encoder.hidden_size=30", "model.encoder.num_attention_heads=5",
        "model.encoder.num_hidden_layers=3", "model.encoder.intermediate_size=42", "model.encoder.layer_norm_eps=0.05",
    ]), batches: 10);

    // Takes a minute and 3 GB.
    [Theory]
    [Trait(Length, Long)]
    [MemberData(nameof(Models))]
    public void Embeddings_OfTheReferenceSize_AreOurs(string model) => Check(Compare(Preset.Load("reference", model, []), batches: 5));

    // Needs Debian's python3-onnx.
    [Theory]
    [Trait(Length, Long)]
    [MemberData(nameof(Models))]
    public void File_OfTheTinySize_PassesTheCheckerOfOnnx(string model) => Check(Compare(Preset.Load("tiny", model, []), batches: 1));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The path of the file that was compared.
    private string Compare(Preset preset, int batches)
    {
        string file = Path.Combine(_folder, "model.onnx");
        using var model = new RandomModel(preset.Model, seed: ModelZoo.Names.IndexOf(preset.Model.Model));
        new OnnxModel(preset.Model).Write(file, model.Parameters);
        // Threads that wait for work would take time from other processes.
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(file, options);
        float largest = 0, size = 0;
        for (int number = 0; number < batches; number++)
        {
            var batch = new RandomBatch(preset.Model, videos: 1 + number % RandomModel.MostVideos, seed: number);
            float[] ours = model.Embed(batch), theirs = Run(session, batch);
            Assert.Equal(ours.Length, theirs.Length);
            float difference = ours.Zip(theirs, static (a, b) => MathF.Abs(a - b)).Max();
            Assert.True(difference <= Tolerance, $"batch {number} of {batch.Videos} videos differs by {difference}"); // false for NaN
            (largest, size) = (Math.Max(largest, difference), Math.Max(size, ours.Max(MathF.Abs)));
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{preset.Model.Model}: largest difference {largest}, largest value {size}");
        Assert.InRange(size, 0.5f, 20f); // otherwise the tolerance would mean something else
        return file;
    }

    private static void Check(string file) => DebianPython.Run("check_onnx.py", file);

    private static float[] Run(InferenceSession session, RandomBatch batch)
    {
        long videos = batch.Videos;
        using var frames = OrtValue.CreateTensorValueFromMemory(batch.Frames, Shape("frames"));
        using var counts = OrtValue.CreateTensorValueFromMemory(batch.FrameCounts, Shape("frame_counts"));
        using var tokenIds = OrtValue.CreateTensorValueFromMemory(batch.TokenIds, Shape("token_ids"));
        using var mask = OrtValue.CreateTensorValueFromMemory(batch.AttentionMask, Shape("attention_mask"));
        using var options = new RunOptions();
        using var results = session.Run(options, ["frames", "frame_counts", "token_ids", "attention_mask"], [frames, counts, tokenIds, mask], ["embedding"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();

        long[] Shape(string input) => [videos, .. session.InputMetadata[input].Dimensions[1..]];
    }
}
