using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Vlad;

public static unsafe partial class VladKernels
{
    private const float SmallestNormal = 1.17549435e-38f;

    private static void AggregateVideos(in VladArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            long rows = (long)item * a.Rows, residual = (long)item * a.D * a.K;
            float* hidden = (float*)a.Hidden + rows * a.D, logits = (float*)a.ClusterLogits + rows * a.K, assignment = a.Assignment + rows * a.K;
            float* attention = a.Attention + rows;
            for (int r = 0; r < a.Rows; r += Lanes.Count)
                Lanes.Store(VectorMath.Sigmoid(Lanes.Load((float*)a.GroupLogits + rows + r, a.Rows - r)), attention + r, a.Rows - r);
            for (int r = 0; r < a.Rows; r++)
            {
                float* row = assignment + (long)r * a.K;
                Normalise(a, item, r % a.Groups * a.K, logits + (long)r * a.K, row);
                SoftmaxRow.Write(row, row, a.K, attention[r]);
            }
            float* descriptor = (float*)a.Descriptor + residual, centres = a.Centres + (long)(item / a.Videos) * a.D * a.K;
            SmallProduct.Multiply(new MatrixView(hidden, a.D).Transposed, new MatrixView(assignment, a.K), descriptor, a.K, a.D, a.K, a.Rows);
            for (int k = 0; k < a.K; k += Lanes.Count)
            {
                int left = a.K - k;
                Vector512<float> mass = default, squares = default;
                for (int r = 0; r < a.Rows; r++)
                    mass += Lanes.Load(assignment + (long)r * a.K + k, left);
                for (int d = 0; d < a.D; d++)
                {
                    float* v = descriptor + (long)d * a.K + k;
                    var value = Lanes.Load(v, left) - mass * Lanes.Load(centres + (long)d * a.K + k, left);
                    squares = Vector512.FusedMultiplyAdd(value, value, squares);
                    Lanes.Store(value, v, left);
                }
                var inverse = Vector512<float>.One / Vector512.Sqrt(Vector512.Max(squares, Vector512.Create(L2Norm.L2NormKernels.SmallestSquares)));
                for (int d = 0; d < a.D; d++)
                {
                    float* v = descriptor + (long)d * a.K + k;
                    Lanes.Store(Lanes.Load(v, left) * inverse, v, left);
                }
                Lanes.Store(mass, a.Mass + (long)item * a.K + k, left);
                Lanes.Store(inverse, a.InverseNorm + (long)item * a.K + k, left);
            }
            if (a.Y != a.Descriptor)
                DropoutRow.Apply(descriptor, (float*)a.Y + residual, a.D * a.K, a.Dropout, residual);
        }
    }

    // Normalises the logits [K] of a row. They are neighbouring columns of the batch normalisation.
    private static void Normalise(in VladArgs a, int item, int column, float* x, float* y)
    {
        int side = item / (a.Videos / a.Norm.Sides);
        long statistic = (long)side * a.Norm.Columns + column, parameter = (long)(side / a.Norm.Sides) * a.Norm.Columns + column;
        float* mean = a.Norm.Mean + statistic, rstd = a.Norm.Rstd + statistic, weight = a.Norm.Weight + parameter, bias = a.Norm.Bias + parameter;
        for (int k = 0; k < a.K; k += Lanes.Count)
        {
            int left = a.K - k;
            var standard = (Lanes.Load(x + k, left) - Lanes.Load(mean + k, left)) * Lanes.Load(rstd + k, left);
            Lanes.Store(standard * Lanes.Load(weight + k, left) + Lanes.Load(bias + k, left), y + k, left);
        }
    }

    private static void DifferentiateVideos(in VladGradArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            long rows = (long)item * a.Rows, residual = (long)item * a.D * a.K;
            float* assignment = a.Assignment + rows * a.K, dResidual = a.dResidual + residual, dAssignment = a.dAssignment + rows * a.K;
            DropoutRow.Apply((float*)a.dY + residual, dResidual, a.D * a.K, a.Dropout, residual);
            DifferentiateNorm(a, item, dResidual, constant: dAssignment);
            if (a.dHidden != null)
            {
                SmallProduct.Multiply(new MatrixView(assignment, a.K), new MatrixView(dResidual, a.K).Transposed,
                    (float*)a.dHidden + rows * a.D, a.D, a.Rows, a.D, a.K, a.AddHidden != 0);
            }
            if (a.dNormalised == null && a.dGroupLogits == null)
                continue;
            for (int r = 1; r < a.Rows; r++)
                new Span<float>(dAssignment, a.K).CopyTo(new Span<float>(dAssignment + (long)r * a.K, a.K));
            SmallProduct.Multiply(new MatrixView((float*)a.Hidden + rows * a.D, a.D), new MatrixView(dResidual, a.K),
                dAssignment, a.K, a.Rows, a.K, a.D, add: true);
            for (int r = 0; r < a.Rows; r++)
                DifferentiateAssignment(a, rows + r);
        }
    }

    // Converts the gradient of the descriptor into that of the residuals. Writes the part of the assignments' gradient
    // that all rows share, -(sum over d of M dV), to constant [K].
    private static void DifferentiateNorm(in VladGradArgs a, int item, float* dResidual, float* constant)
    {
        float* descriptor = a.Descriptor + (long)item * a.D * a.K, centres = a.Centres + (long)(item / a.Videos) * a.D * a.K;
        for (int k = 0; k < a.K; k += Lanes.Count)
        {
            int left = a.K - k;
            var inverse = Lanes.Load(a.InverseNorm + (long)item * a.K + k, left);
            Vector512<float> along = default, shared = default;
            for (long i = k; i < (long)a.D * a.K; i += a.K)
                along = Vector512.FusedMultiplyAdd(Lanes.Load(dResidual + i, left), Lanes.Load(descriptor + i, left), along);
            along &= Vector512.LessThan(inverse, Vector512.Create(L2Norm.L2NormKernels.LargestInverseNorm)); // below the floor the factor is constant
            for (long i = k; i < (long)a.D * a.K; i += a.K)
            {
                var gradient = (Lanes.Load(dResidual + i, left) - along * Lanes.Load(descriptor + i, left)) * inverse;
                Lanes.Store(gradient, dResidual + i, left);
                shared = Vector512.FusedMultiplyAdd(gradient, Lanes.Load(centres + i, left), shared);
            }
            Lanes.Store(-shared, constant + k, left);
        }
    }

    private static void DifferentiateAssignment(in VladGradArgs a, long row)
    {
        float* assignment = a.Assignment + row * a.K, dAssignment = a.dAssignment + row * a.K;
        float attention = a.Attention[row], sum = Lanes.Dot(assignment, dAssignment, a.K);
        if (a.dGroupLogits != null)
        {
            float* dGroupLogit = (float*)a.dGroupLogits + row;
            *dGroupLogit = (1 - attention) * sum + (a.AddGroupLogits != 0 ? *dGroupLogit : 0);
        }
        if (a.dNormalised == null)
            return;
        // If the attention is 0, the assignments and their sum are 0 as well. Then any divisor but 0 gives 0.
        var mean = Vector512.Create(sum / MathF.Max(attention, SmallestNormal));
        for (int k = 0; k < a.K; k += Lanes.Count)
        {
            var gradient = Lanes.Load(assignment + k, a.K - k) * (Lanes.Load(dAssignment + k, a.K - k) - mean);
            Lanes.Store(gradient, (float*)a.dNormalised + row * a.K + k, a.K - k);
        }
    }

    private static void SumCentres(in VladGradArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int stack = item / a.D, d = item % a.D;
            float* dResidual = a.dResidual + ((long)stack * a.Videos * a.D + d) * a.K, mass = a.Mass + (long)stack * a.Videos * a.K;
            for (int k = 0; k < a.K; k += Lanes.Count)
            {
                var sum = Vector512<float>.Zero;
                for (int video = 0; video < a.Videos; video++)
                    sum += Lanes.Load(mass + (long)video * a.K + k, a.K - k) * Lanes.Load(dResidual + (long)video * a.D * a.K + k, a.K - k);
                Lanes.Deliver(-sum, a.dCentres + (long)item * a.K + k, a.K - k, a.AddCentres);
            }
        }
    }
}
