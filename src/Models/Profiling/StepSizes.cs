using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>Sizes of a training step by the letters that formulas use; none of them comes from a kernel's arguments.</summary>
public sealed record StepSizes
{
    /// <summary>Videos: of both sides where there are pairs.</summary>
    public required double B { get; init; }

    /// <summary>Text positions.</summary>
    public required double T { get; init; }

    /// <summary>Frames.</summary>
    public required double F { get; init; }

    /// <summary>Positions of the encoder's sequences: text, and in Uniter frames.</summary>
    public required double S { get; init; }

    /// <summary>The encoder's width.</summary>
    public required double C { get; init; }

    /// <summary>Width between the two maps of a layer's feed-forward part.</summary>
    public required double I { get; init; }

    /// <summary>Words of the vocabulary.</summary>
    public required double V { get; init; }

    /// <summary>Rows of the position table.</summary>
    public required double P { get; init; }

    /// <summary>Rows with room for a masked token.</summary>
    public required double M { get; init; }

    /// <summary>Values of a frame.</summary>
    public required double W { get; init; }

    /// <summary>Experts.</summary>
    public required double E { get; init; }

    /// <summary>Groups of NeXtVLAD.</summary>
    public required double G { get; init; }

    /// <summary>Clusters of NeXtVLAD.</summary>
    public required double K { get; init; }

    /// <summary>Width of a group of NeXtVLAD.</summary>
    public required double D { get; init; }

    /// <summary>NeXtVLAD's output width, and the text map's.</summary>
    public required double N { get; init; }

    /// <summary>Width of the video embedding.</summary>
    public required double Z { get; init; }

    /// <summary>Tags.</summary>
    public required double Tags { get; init; }

    /// <summary>Trained numbers.</summary>
    public required double Parameters { get; init; }

    /// <summary>Bytes of one tensor of the encoder, [B, S, C] in bf16: the unit of its floors.</summary>
    public double U => 2 * B * S * C;

    internal static StepSizes Of(BuiltStep built, ModelConfig config)
    {
        int videos = built.Stage.Shape.Videos;
        return new StepSizes
        {
            B = videos, T = config.TextLength, F = config.Frames, S = config.TextLength + (built.Model is Uniter ? config.Frames : 0),
            C = config.Encoder.HiddenSize, I = config.Encoder.IntermediateSize, V = config.Encoder.VocabSize, P = config.Encoder.MaxPositionEmbeddings,
            M = built.Stage.Shape.MaskedCapacity > 0 ? TokenMasker.PlanRows(videos, config.TextLength)[0] : 0, W = config.FrameWidth, E = config.Experts, G = config.VladGroups, K = config.VladClusters,
            D = config.VladExpandedWidth / config.VladGroups, N = config.VladWidth, Z = config.EmbeddingWidth, Tags = config.Tags,
            Parameters = built.Model.Parameters.Count,
        };
    }
}
