using VideoSim.Models.Configuration;
using static VideoSim.Onnx.Messages.TensorProto.Types;

namespace VideoSim.Onnx;

/// <summary>The inputs of the graph, which all six models share, and the positions that count.</summary>
/// <param name="TokenIds">int64 [B, T]</param>
/// <param name="Attends">Text positions that count, bool [B, T].</param>
/// <param name="Frames">float [B, F, W]</param>
/// <param name="OwnFrames">Frames that are the video's own and no repetition, bool [B, F].</param>
internal readonly record struct InputNodes(string TokenIds, string Attends, string Frames, string OwnFrames)
{
    /// <summary>Declares the inputs and adds the nodes of the two masks.</summary>
    public static InputNodes Add(OnnxGraph graph, ModelConfig config)
    {
        string frames = graph.Input("frames", DataType.Float, [config.Frames, config.FrameWidth], "sampled frames; after the last frame of a video, that frame is repeated");
        string counts = graph.Input("frame_counts", DataType.Int64, [], "number of the video's own frames, without repetitions");
        string tokenIds = graph.Input("token_ids", DataType.Int64, [config.TextLength], "the title's pieces, between [CLS] and [SEP], then [PAD]");
        string mask = graph.Input("attention_mask", DataType.Int64, [config.TextLength], "1 for the title's pieces, [CLS] and [SEP]; 0 for [PAD]");
        // ONNX's conversion to bool gives true for all numbers but 0.
        string attends = graph.Add("Cast", "attention_mask.bool", [mask], OnnxGraph.Int("to", BoolType));
        string numbers = graph.Constants([.. Enumerable.Range(0, config.Frames).Select(static i => (long)i)]);
        string own = graph.Add("Less", "frames.counted", [numbers, graph.Unsqueeze("frame_counts.column", counts, 1)]);
        return new InputNodes(tokenIds, attends, frames, own);
    }

    private const int BoolType = 9; // in TensorProto.DataType
}
