namespace VideoSim.Models.Metrics;

/// <summary>
/// Counts unit vectors that are close to another one, without comparing all of them. The projections of two vectors on
/// a unit direction differ by no more than the vectors do. So only neighbours in the order of one projection are
/// compared, and few of them in full.
/// </summary>
internal static class NearDuplicateSearch
{
    private const int Directions = 4, PowerSteps = 12;

    // Above the rounding errors of a projection, far below the distance of near-duplicates.
    private const double Slack = 1e-9;

    /// <summary>The number of vectors for which another vector has a cosine above a limit.</summary>
    /// <param name="units">Row-major [vectors, width], of length 1 or 0.</param>
    /// <param name="width">Values of a vector.</param>
    /// <param name="cosine">The limit, below 1.</param>
    public static int Count(double[] units, int width, double cosine)
    {
        int count = units.Length / width;
        double reach = Math.Sqrt(2 - 2 * cosine) + Slack;
        var (first, others) = Projections(units, width, count);
        int[] order = [.. Enumerable.Range(0, count)];
        Array.Sort(first, order); // equal projections stay within reach of each other in any order
        // In this order the memory is read from the beginning to the end.
        others = [.. others.Select(projection => Array.ConvertAll(order, vector => projection[vector]))];
        double[] second = others[0];
        bool[] found = new bool[count];
        for (int i = 0; i < count; i++)
        {
            for (int j = i + 1; j < count && first[j] - first[i] <= reach; j++)
            {
                if (Math.Abs(second[j] - second[i]) > reach || (found[order[i]] && found[order[j]]) || !IsNear(i, j))
                    continue;
                (found[order[i]], found[order[j]]) = (true, true);
            }
        }
        return found.Count(static near => near);

        bool IsNear(int i, int j)
        {
            for (int d = 1; d < others.Length; d++)
            {
                if (Math.Abs(others[d][i] - others[d][j]) > reach)
                    return false;
            }
            var left = units.AsSpan(order[i] * width, width);
            var right = units.AsSpan(order[j] * width, width);
            return !IsFar(left, right, reach * reach) && EmbeddingHealth.Dot(left, right) > cosine;
        }
    }

    // Whether the squared distance is above a limit. A few of the values often show it.
    private static bool IsFar(ReadOnlySpan<double> left, ReadOnlySpan<double> right, double limit)
    {
        double sum = 0;
        for (int i = 0; i < left.Length && sum <= limit; i++)
        {
            double difference = left[i] - right[i];
            sum += difference * difference;
        }
        return sum > limit;
    }

    // Projections on directions in which the vectors differ much: those of the power method. Any direction gives the
    // same count.
    private static (double[] First, double[][] Others) Projections(double[] units, int width, int count)
    {
        double[] mean = new double[width];
        for (int r = 0; r < count; r++)
        {
            for (int i = 0; i < width; i++)
                mean[i] += units[r * width + i] / count;
        }
        double[][] directions = new double[Directions][], projections = new double[Directions][];
        int stride = Math.Max(1, count / 1024); // a sample is enough to find a direction
        for (int d = 0; d < Directions; d++)
        {
            double[] direction = [.. Enumerable.Range(0, width).Select(i => i % Directions == d ? 1.0 : 0.5)];
            for (int step = 0; step < PowerSteps; step++)
            {
                double[] next = new double[width];
                for (int r = 0; r < count; r += stride)
                {
                    var row = units.AsSpan(r * width, width);
                    double along = EmbeddingHealth.Dot(row, direction) - EmbeddingHealth.Dot(mean, direction);
                    for (int i = 0; i < width; i++)
                        next[i] += along * (row[i] - mean[i]);
                }
                foreach (double[] earlier in directions.Take(d))
                {
                    double along = EmbeddingHealth.Dot(next, earlier);
                    for (int i = 0; i < width; i++)
                        next[i] -= along * earlier[i];
                }
                double length = Math.Sqrt(EmbeddingHealth.Dot(next, next));
                direction = Array.ConvertAll(next, value => length > 0 ? value / length : 0);
            }
            directions[d] = direction;
            projections[d] = [.. Enumerable.Range(0, count).Select(r => EmbeddingHealth.Dot(units.AsSpan(r * width, width), direction))];
        }
        return (projections[0], projections[1..]);
    }
}
