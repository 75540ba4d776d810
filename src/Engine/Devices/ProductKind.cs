using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Everything that cuBLASLt's choice of an algorithm may depend on: the fields of <see cref="MatMulArgs"/>, and
/// alignments instead of addresses. Whether the product is added to the result makes no difference.
/// </summary>
/// <param name="M">Rows of C.</param>
/// <param name="N">Columns of C.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="LdA">Elements from one stored row of A to the next.</param>
/// <param name="LdB">The same for B.</param>
/// <param name="LdC">The same for C.</param>
/// <param name="TransposeA">1 if A is stored transposed, else 0.</param>
/// <param name="TransposeB">The same for B.</param>
/// <param name="Batch">Number of products.</param>
/// <param name="StrideA">Elements from the A of one product to the next; 0 if all have the same.</param>
/// <param name="StrideB">The same for B.</param>
/// <param name="StrideC">The same for C.</param>
/// <param name="StrideBias">The same for the bias; 0 without a bias.</param>
/// <param name="HasBias">Whether the library adds a bias to the columns of C.</param>
/// <param name="Operands">Type of A and B.</param>
/// <param name="Result">Type of C and the bias.</param>
/// <param name="AlignmentA">
/// Bytes, a power of two up to 256, that the addresses of all A are multiples of.
/// </param>
/// <param name="AlignmentB">The same for B.</param>
/// <param name="AlignmentC">The same for C.</param>
/// <param name="AlignmentBias">The same for the biases; 0 without a bias.</param>
[method: JsonConstructor]
public readonly record struct ProductKind(int M, int N, int K, int LdA, int LdB, int LdC, int TransposeA, int TransposeB, int Batch,
    long StrideA, long StrideB, long StrideC, long StrideBias, bool HasBias, [property: JsonConverter(typeof(PrecisionSuffix))] ElementType Operands,
    [property: JsonConverter(typeof(PrecisionSuffix))] ElementType Result, uint AlignmentA, uint AlignmentB, uint AlignmentC, uint AlignmentBias)
{
    private const int MostAlignment = 256; // the heuristic's default; no algorithm requires more

    /// <summary>The kind of a product.</summary>
    public static unsafe ProductKind Of(in MatMulArgs args) => new(args.M, args.N, args.K, args.LdA, args.LdB, args.LdC, args.TransposeA, args.TransposeB, args.Batch,
        args.StrideA, args.StrideB, args.StrideC, args.Bias == null ? 0 : args.StrideBias, args.Bias != null, args.Operands, args.Result,
        AlignmentOf(args.A, args.StrideA, args.Operands, args.Batch), AlignmentOf(args.B, args.StrideB, args.Operands, args.Batch),
        AlignmentOf(args.C, args.StrideC, args.Result, args.Batch),
        args.Bias == null ? 0 : AlignmentOf(args.Bias, args.StrideBias, args.Result, args.Batch));

    /// <summary>The first field that no product has, with its value; null if all are possible.</summary>
    internal string? Problem()
    {
        foreach (var (field, value, least, most) in new (string, long, long, long)[]
        {
            ("m", M, 1, int.MaxValue), ("n", N, 1, int.MaxValue), ("k", K, 1, int.MaxValue), ("batch", Batch, 1, int.MaxValue),
            ("transpose_a", TransposeA, 0, 1), ("transpose_b", TransposeB, 0, 1),
            ("ld_a", LdA, TransposeA == 0 ? K : M, int.MaxValue), ("ld_b", LdB, TransposeB == 0 ? N : K, int.MaxValue), ("ld_c", LdC, N, int.MaxValue),
            ("stride_a", StrideA, 0, long.MaxValue), ("stride_b", StrideB, 0, long.MaxValue), ("stride_c", StrideC, 0, long.MaxValue),
            ("stride_bias", StrideBias, 0, HasBias ? long.MaxValue : 0),
        })
        {
            if (value < least || value > most)
                return $"{field} cannot be {value}";
        }
        foreach (var (field, value) in new[] { ("alignment_a", AlignmentA), ("alignment_b", AlignmentB), ("alignment_c", AlignmentC), ("alignment_bias", AlignmentBias) })
        {
            bool isPossible = field == "alignment_bias" && !HasBias ? value == 0 : value <= MostAlignment && BitOperations.IsPow2(value);
            if (!isPossible)
                return $"{field} cannot be {value}";
        }
        return null;
    }

    // The alignment of all matrices of a batch, or of all their biases.
    private static unsafe uint AlignmentOf(void* first, long stride, ElementType precision, int batch)
    {
        nint bits = (nint)first | (batch > 1 ? (nint)(stride * precision.Size()) : 0) | MostAlignment;
        return 1u << BitOperations.TrailingZeroCount(bits);
    }
}

/// <summary>A precision in JSON: f32 or bf16, as in the names of kernels.</summary>
public sealed class PrecisionSuffix : JsonConverter<ElementType>
{
    /// <inheritdoc/>
    public override ElementType Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string? text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        foreach (var precision in ElementTypes.Precisions)
        {
            if (precision.Suffix() == text)
                return precision;
        }
        throw new JsonException();
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ElementType value, JsonSerializerOptions options) => writer.WriteStringValue(value.Suffix());
}
