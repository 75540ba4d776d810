namespace VideoSim.Kernels.Rotary;

/// <summary>Rotary positions applied to the rows of a head: row p is turned by the angles of position p.</summary>
internal static unsafe class Rotation
{
    /// <summary>
    /// y[p, 2i] = x[p, 2i] cos - x[p, 2i+1] sin and y[p, 2i+1] = x[p, 2i+1] cos + x[p, 2i] sin. With negated sines it
    /// turns back. The gradient of a rotation is turned back, too.
    /// </summary>
    /// <param name="x">[rows, width]</param>
    /// <param name="rowX">Elements from one row of x to the next.</param>
    /// <param name="table">[at least rows, width], of <see cref="RotaryTable"/>.</param>
    /// <param name="rows">Positions, from 0.</param>
    /// <param name="width">Even.</param>
    /// <param name="y">[rows, width]; x itself, or memory that does not overlap x.</param>
    /// <param name="rowY">Elements from one row of y to the next.</param>
    /// <param name="back">True to turn back.</param>
    public static void Apply(float* x, nint rowX, float* table, int rows, int width, float* y, nint rowY, bool back = false)
    {
        int half = width / 2;
        for (int p = 0; p < rows; p++, x += rowX, y += rowY, table += width)
        {
            for (int i = 0; i < half; i++)
            {
                float sine = back ? -table[i] : table[i], cosine = table[half + i];
                (y[2 * i], y[2 * i + 1]) = (x[2 * i] * cosine - x[2 * i + 1] * sine, x[2 * i + 1] * cosine + x[2 * i] * sine);
            }
        }
    }
}
