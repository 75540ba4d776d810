namespace VideoSim.Models.Metrics;

/// <summary>
/// Eigenvalues of a symmetric matrix: Householder's reduction to a tridiagonal matrix, then bisection by Sturm's count
/// (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.4.1). The order of all sums is fixed, so the same
/// matrix gives the same bits.
/// </summary>
internal static class SymmetricEigenvalues
{
    // Each halves the interval: after 60 it is at the last digits of the largest eigenvalue.
    private const int Halvings = 60;

    /// <summary>All eigenvalues in ascending order.</summary>
    /// <param name="matrix">[size, size]; overwritten. Only the lower triangle is read.</param>
    /// <param name="size">Number of rows.</param>
    public static double[] Of(double[] matrix, int size)
    {
        var (diagonal, beside) = Tridiagonal(matrix, size);
        double bound = 0; // Gershgorin's
        for (int i = 0; i < size; i++)
            bound = Math.Max(bound, Math.Abs(diagonal[i]) + Math.Abs(beside[i]) + (i + 1 < size ? Math.Abs(beside[i + 1]) : 0));
        double[] values = new double[size];
        for (int k = 0; k < size; k++)
        {
            double low = k == 0 ? -bound : values[k - 1], high = bound;
            for (int i = 0; i < Halvings && low < high; i++)
            {
                double middle = low + (high - low) / 2;
                if (CountBelow(diagonal, beside, middle, bound) > k)
                    high = middle;
                else
                    low = middle;
            }
            values[k] = low + (high - low) / 2;
        }
        return values;
    }

    // beside[i] is the element between rows i - 1 and i; beside[0] is 0.
    private static (double[] Diagonal, double[] Beside) Tridiagonal(double[] a, int n)
    {
        double[] diagonal = new double[n], beside = new double[n], v = new double[n], p = new double[n];
        for (int k = n - 1; k > 0; k--)
        {
            // Row k keeps only its element k - 1.
            double square = 0;
            for (int i = 0; i < k; i++)
                square += a[k * n + i] * a[k * n + i];
            double last = a[k * n + k - 1], rest = square - last * last;
            beside[k] = last;
            diagonal[k] = a[k * n + k];
            if (!(rest > 0))
                continue;
            double length = last > 0 ? -Math.Sqrt(square) : Math.Sqrt(square);
            beside[k] = length;
            for (int i = 0; i < k; i++)
                v[i] = a[k * n + i];
            v[k - 1] -= length;
            double half = square - last * length; // half the squared length of v
            double dot = 0;
            for (int i = 0; i < k; i++)
            {
                double sum = 0;
                for (int j = 0; j <= i; j++)
                    sum += a[i * n + j] * v[j];
                for (int j = i + 1; j < k; j++)
                    sum += a[j * n + i] * v[j];
                p[i] = sum / half;
                dot += p[i] * v[i];
            }
            double factor = dot / (2 * half);
            for (int i = 0; i < k; i++)
                p[i] -= factor * v[i];
            for (int i = 0; i < k; i++)
            {
                for (int j = 0; j <= i; j++)
                    a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
            }
        }
        diagonal[0] = a[0];
        return (diagonal, beside);
    }

    // Number of eigenvalues below x: that of the negative pivots of the matrix minus x.
    private static int CountBelow(double[] diagonal, double[] beside, double x, double bound)
    {
        double smallest = Math.Max(double.Epsilon, bound * 1e-300), pivot = 1;
        int count = 0;
        for (int i = 0; i < diagonal.Length; i++)
        {
            pivot = diagonal[i] - x - (i == 0 ? 0 : beside[i] * beside[i] / pivot);
            if (Math.Abs(pivot) < smallest)
                pivot = -smallest;
            if (pivot < 0)
                count++;
        }
        return count;
    }
}
