using System.Runtime.CompilerServices;

namespace VideoSim.Models.Profiling;

/// <summary>
/// The bytes that have to be moved for what some launches compute: each tensor that goes in read once, each that comes out written once, in the types in
/// which they are kept. It follows from a step's sizes and from the function alone; what kernels hand to each other on the way, such as
/// partial sums, is not in it.
/// </summary>
/// <param name="Kernels">Names of the kernels that compute it, one launch each, in order.</param>
/// <param name="Tensors">What is read and written.</param>
/// <param name="Bytes">How many bytes that is.</param>
/// <param name="Formula">The same as text.</param>
/// <param name="Why">Why the launches move more than that, where it is 5 % and above.</param>
/// <param name="IsPart">Whether the function is only a part of another one, with which it is judged.</param>
public sealed record KernelFloor(IReadOnlyList<string> Kernels, string Tensors, Func<StepSizes, double> Bytes, string Formula, string Why, bool IsPart)
{
    /// <summary>How many times the floor the launches may move by design.</summary>
    public const double Allowed = 1.15;

    private const string PartialSums = "partial sums", PartialSumsOfVideos = "a partial sum for each video";

    // In formulas 2 and 4 are the bytes of a value in bf16 and in fp32. A gradient that is added to what another operator has left is read and written.

    /// <summary>All functions of the bf16 steps, each for its largest launch.</summary>
    public static IReadOnlyList<KernelFloor> All { get; } =
    [
        Of(["adam_f32"], "weight, gradient, both moments -> weight, both moments, bf16 copy", n => 30 * n.Parameters),

        Of(["embedding_forward_bf16"], "a row of the word table for each token -> sum", n => 2 * 2 * n.B * n.T * n.C),
        Of(["embedding_word_backward_bf16"], "dY -> gradient of the whole table, fp32", n => 2 * n.B * n.T * n.C + 4 * n.V * n.C),
        Of(["embedding_position_backward_bf16"], "dY -> gradient of the whole table, fp32", n => 2 * n.B * n.T * n.C + 4 * n.P * n.C),
        Of(["embedding_type_backward_bf16"], "dY -> gradient of two rows", n => 2 * n.B * n.T * n.C + 4 * 2 * n.C),

        Of(["attention_forward_d64_s64_bf16"], "q, k, v -> context", n => 4 * n.U),
        Of(["attention_forward_d64_s32_bf16"], "q, k, v -> context", n => 4 * n.U),
        Of(["attention_backward_d64_s64_bf16", "column_sum_finish_f32"], "q, k, v, d context -> dq, dk, dv, gradient of the biases", n => 7 * n.U),
        Of(["attention_backward_d64_s32_bf16", "column_sum_finish_f32"], "q, k, v, d context -> dq, dk, dv, gradient of the biases", n => 7 * n.U, PartialSumsOfVideos),

        Of(["layer_norm_forward_bf16"], "x, residual -> y", n => 3 * n.U),
        Of(["layer_norm_backward_bf16", "layer_norm_finish_f32"], "y, dY -> dX, d residual, gradients of three vectors", n => 4 * n.U),

        Of(["dropout_bf16"], "x -> y", n => 2 * 2 * n.B * n.T * n.C),
        Of(["gelu_forward_bf16"], "x -> y", n => 2 * 2 * n.B * n.S * n.I),
        Of(["gelu_backward_bf16", "column_sum_finish_f32"], "x, dY -> dX, gradient of the bias", n => 3 * 2 * n.B * n.S * n.I),
        Of(["relu_forward_bf16"], "x -> y", n => 2 * 2 * n.B * n.F * n.C),
        Of(["relu_backward_bf16"], "y, dY -> dX", n => 3 * 2 * n.B * n.F * n.C),
        Of(["relu_forward_f32"], "x -> y", n => 2 * 4 * n.B * n.N),
        Of(["relu_backward_f32"], "y, dY -> dX", n => 3 * 4 * n.B * n.N),
        Of(["tanh_forward_f32"], "x -> y", n => 2 * 4 * n.B * n.C),
        Of(["tanh_backward_f32"], "y, dY -> dX", n => 3 * 4 * n.B * n.C),
        Of(["column_sum_partial_bf16", "column_sum_finish_f32"], "dY of the experts' expansions -> gradient of their biases", n => 2 * n.E * n.B * n.F * n.G * n.D, PartialSums),
        Of(["column_sum_partial_f32", "column_sum_finish_f32"], "gradient of the experts' tag logits -> gradient of their biases", n => 4 * n.E * n.B * n.Tags),

        Of(["frame_widen_bf16"], "frames in fp16 -> bf16", n => 2 * 2 * n.B * n.F * n.W),
        Of(["frame_unpack_bf16"], "frames in fp16 -> bf16, their mean", n => 2 * 2 * n.B * n.F * n.W + 4 * n.B * n.W),
        Of(["joint_sequence_forward_bf16"], "text, frames -> sequence", n => 2 * n.U),
        Of(["joint_sequence_backward_bf16"], "d sequence -> d text, d frames", n => 2 * n.U),
        Of(["gather_rows_forward_bf16"], "a row for each masked token -> rows", n => 2 * 2 * n.M * n.C),
        Of(["gather_rows_backward_bf16"], "d rows -> gradient of all positions, mostly 0", n => 2 * n.M * n.C + n.U),
        Of(["select_position_forward_bf16"], "a row of each video -> rows", n => 2 * 2 * n.B * n.C),
        Of(["select_position_backward_bf16"], "d rows, added to those of the positions", n => 3 * 2 * n.B * n.C),
        Of(["mean_pool_forward_bf16"], "all positions -> mean", n => n.U + 4 * n.B * n.C),
        Of(["mean_pool_backward_bf16"], "d mean, added to all positions", n => 2 * n.U + 4 * n.B * n.C),
        Of(["max_position_forward_bf16"], "all positions -> maximum, and where it was", n => n.U + 2 * 4 * n.B * n.C),
        Of(["max_position_backward_bf16"], "d maximum, and where it was -> gradient of all positions", n => n.U + 2 * 4 * n.B * n.C),

        Of(["batch_norm_statistics_bf16", "batch_norm_finish_statistics_f32"], "cluster logits -> statistics", n => 2 * n.E * n.B * n.F * n.G * n.K, PartialSums),
        Of(["vlad_tensor_core_forward_bf16", "vlad_tensor_core_backward_bf16", "vlad_tensor_core_finish_centres_f32"], "both directions: the next two rows, but what the first keeps is y",
            n => 2 * n.E * n.B * (n.F * n.G * (3 * n.D + 3 * n.K + 3) + 3 * n.D * n.K), "the undropped descriptor; sums"),
        Of(["vlad_tensor_core_forward_bf16"], "hidden, cluster logits, group logits -> y", n => 2 * n.E * n.B * (n.F * n.G * (n.D + n.K + 1) + n.D * n.K),
            "the undropped descriptor", isPart: true),
        Of(["vlad_tensor_core_backward_bf16", "vlad_tensor_core_finish_centres_f32"], "hidden, logits, descriptor, dY -> d hidden, d logits, d centres",
            n => 2 * n.E * n.B * (n.F * n.G * (2 * n.D + 2 * n.K + 2) + 2 * n.D * n.K), "sums for the batch normalisation and the centres", isPart: true),
        Of(["batch_norm_backward_input_bf16"], "cluster logits, dY -> d logits", n => 3 * 2 * n.E * n.B * n.F * n.G * n.K),
        Of(["narrow_bf16"], "fp32 -> bf16", n => 6 * n.E * n.B * n.N),

        Of(["batch_norm_statistics_f32", "batch_norm_finish_statistics_f32"], "the gate's input -> statistics", n => 4 * n.B * (n.W + n.N), PartialSums),
        Of(["batch_norm_apply_f32"], "the gate's input -> y", n => 2 * 4 * n.B * (n.W + n.N)),
        Of(["batch_norm_backward_sums_f32", "batch_norm_finish_backward_sums_f32"], "x, dY -> sums", n => 2 * 4 * n.B * (n.W + n.N), PartialSums),
        Of(["batch_norm_backward_input_f32"], "x, dY -> dX", n => 3 * 4 * n.B * (n.W + n.N)),
        Of(["softmax_forward_f32"], "x -> y", n => 2 * 4 * n.B * n.E),
        Of(["softmax_backward_f32"], "y, dY -> dX", n => 3 * 4 * n.B * n.E),
        Of(["concat_dropout_forward_f32"], "vision, text -> both side by side for each expert", n => 4 * n.B * n.N * (n.E + 1 + 2 * n.E)),
        Of(["concat_dropout_backward_f32"], "dY -> d vision, d text, added", n => 4 * n.B * n.N * (2 * n.E + 2 * (n.E + 1))),
        Of(["sigmoid_gate_forward_f32"], "u, s -> y", n => 3 * 4 * n.E * n.B * n.Z),
        Of(["sigmoid_gate_backward_f32"], "u, s, dY -> du, ds", n => 5 * 4 * n.E * n.B * n.Z),
        Of(["mixture_forward_f32"], "tag logits of the experts -> mixture", n => 4 * (n.E + 1) * n.B * n.Tags),
        Of(["mixture_backward_f32"], "logits of the experts, d mixture -> their gradients, added", n => 4 * (3 * n.E + 1) * n.B * n.Tags),

        Of(["asymmetric_tag_loss_f32"], "logits, label bits -> gradients", n => 2 * 4 * n.B * n.Tags + n.B * n.Tags / 8),
        Of(["asymmetric_tag_loss_consistency_f32"], "logits of mixture and experts, label bits -> gradients", n => 2 * 4 * (1 + n.E) * n.B * n.Tags + n.B * n.Tags / 8),
        Of(["masked_token_loss_bf16"], "logits -> gradients in their place", n => 2 * 2 * n.M * n.V),
        Of(["l2_norm_forward_f32"], "x -> y", n => 2 * 4 * n.E * n.B * n.N),
        Of(["l2_norm_backward_f32"], "y, dY -> dX", n => 3 * 4 * n.E * n.B * n.N),
        Of(["contrastive_loss_forward_f32"], "cosines -> losses", n => 4 * n.E * n.B * n.B),
        Of(["contrastive_loss_backward_f32"], "cosines -> gradients", n => 2 * 4 * n.E * n.B * n.B),
        Of(["pair_loss_forward_f32"], "embeddings -> losses", n => 4 * n.B * n.Z),
        Of(["pair_loss_backward_f32"], "embeddings -> gradients, added", n => 3 * 4 * n.B * n.Z),
        Of(["total_f32"], "parts of a loss -> loss", n => 4 * n.M),
    ];

    private static KernelFloor Of(string[] kernels, string tensors, Func<StepSizes, double> bytes, string why = "", bool isPart = false,
        [CallerArgumentExpression(nameof(bytes))] string formula = "") =>
        new(kernels, tensors, bytes, formula.Replace("n => ", "", StringComparison.Ordinal).Replace("n.", "", StringComparison.Ordinal), why, isPart);
}
