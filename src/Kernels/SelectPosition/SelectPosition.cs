using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.SelectPosition;

/// <summary>Arguments of both directions.</summary>
public unsafe struct SelectPositionArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public float* X;

    /// <summary>[B, C]: written by forward, the gradient read by backward.</summary>
    public float* Y;

    /// <summary>Sizes and the position taken.</summary>
    public int B, S, C, Position;

    /// <summary>1 to add to the gradient in <see cref="X"/>.</summary>
    public int Add;
}

/// <summary>y[b] = x[b, position]: the first position for BERT's pooler.</summary>
public static unsafe class SelectPosition
{
    private const string File = "SelectPosition.cu";
    private const int Threads = 128; // a column each

    private static readonly string[] Macros = [$"THREADS={Threads}"];

    /// <summary>Takes one position of every sequence. Items: sequences.</summary>
    public static readonly Kernel<SelectPositionArgs> Forward = new("select_position_forward_f32")
    {
        Family = "select-position",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in SelectPositionArgs a, in DeviceLimits _) => new(a.B, Threads),
        CountItems = static (in SelectPositionArgs a) => a.B,
        Twin = static (in SelectPositionArgs a, int from, int to) =>
        {
            for (int b = from; b < to; b++)
                new Span<float>(a.X + ((long)b * a.S + a.Position) * a.C, a.C).CopyTo(new Span<float>(a.Y + (long)b * a.C, a.C));
        },
        CountCost = static (in SelectPositionArgs a) => new(0, 8.0 * a.B * a.C),
    };

    /// <summary>Puts the gradient back; all other positions get 0. Items: sequences.</summary>
    public static readonly Kernel<SelectPositionArgs> Backward = new("select_position_backward_f32")
    {
        Family = "select-position",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in SelectPositionArgs a, in DeviceLimits _) => new(a.B * a.S, Threads),
        CountItems = static (in SelectPositionArgs a) => a.B,
        Twin = static (in SelectPositionArgs a, int from, int to) =>
        {
            for (int b = from; b < to; b++)
            {
                float* sequence = a.X + (long)b * a.S * a.C, selected = sequence + (long)a.Position * a.C, dY = a.Y + (long)b * a.C;
                if (a.Add == 0)
                    new Span<float>(sequence, a.S * a.C).Clear();
                for (int c = 0; c < a.C; c += Lanes.Count)
                    Lanes.Deliver(Lanes.Load(dY + c, a.C - c), selected + c, a.C - c, a.Add);
            }
        },
        CountCost = static (in SelectPositionArgs a) => new((double)a.B * a.C * a.Add, 4.0 * a.B * a.C * (a.Add != 0 ? 3 : 1 + a.S)),
    };
}
