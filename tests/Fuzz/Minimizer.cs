namespace VideoSim.Fuzz;

/// <summary>Makes the input of a finding smaller while it causes the same finding.</summary>
internal static class Minimizer
{
    /// <summary>The smallest input found.</summary>
    /// <param name="input">An input with a finding.</param>
    /// <param name="cause">The cause of the finding of an input; null if it has none.</param>
    public static byte[] Minimize(byte[] input, Func<byte[], string?> cause)
    {
        string? wanted = cause(input);
        for (int size = Math.Max(1, input.Length / 2); size > 0; size /= 2)
        {
            for (int at = 0; at < input.Length;)
            {
                byte[] shorter = [.. input.AsSpan(0, at), .. input.AsSpan(Math.Min(input.Length, at + size))];
                if (cause(shorter) == wanted)
                    input = shorter;
                else
                    at += size;
            }
        }
        return input;
    }
}
