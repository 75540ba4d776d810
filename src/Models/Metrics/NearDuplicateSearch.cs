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
        double[][] projections = Projections(units, width, count);
        int[] order = [.. Enumerable.Range(0, count)];
        Array.Sort(order, (a, b) => projections[0][a] != projections[0][b] ? projections[0][a].CompareTo(projections[0][b]) : a.CompareTo(b));
        bool[] found = new bool[count];
        for (int i = 0; i < count; i++)
        {
            int left = order[i];
            for (int j = i + 1; j < count && projections[0][order[j]] - projections[0][left] <= reach; j++)
            {
                int right = order[j];
                if ((found[left] && found[right]) || !IsNear(left, right))
                    continue;
                (found[left], found[right]) = (true, true);
            }
        }
        return found.Count(static near => near);

        bool IsNear(int left, int right)
        {
            for (int d = 1; d < Directions; d++)
            {
                if (Math.Abs(projections[d][left] - projections[d][right]) > reach)
                    return false;
            }
            return EmbeddingHealth.Dot(units.AsSpan(left * width, width), units.AsSpan(right * width, width)) > cosine;
        }
    }

    // Projections on directions in which the vectors differ much: those of the power method. Any direction gives the
    // same count.
    private static double[][] Projections(double[] units, int width, int count)
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
        return projections;
    }
}
