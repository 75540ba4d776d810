using System.Runtime.InteropServices;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Tests;

/// <summary>
/// Runs PTX of a test, without a driver. It has registers %p, %rs, %r, %rd, %f and %fd, and the parameters "input" and
/// "output", which are addresses. The parameter "block" and the constant "table" have the bytes of
/// <see cref="Pattern"/>.
/// </summary>
internal static unsafe class SmallKernel
{
    /// <summary>Bytes of every kind: small, large, and with each sign.</summary>
    public static readonly byte[] Pattern = [.. Enumerable.Range(0, 64).Select(static i => (byte)((i * 0x9d) + (i >> 3) + 0x81))];

    /// <summary>Runs a kernel, one block unless <paramref name="grid"/> says more.</summary>
    /// <param name="body">The instructions, one a line.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="shared">A variable in shared memory, as <c>name[bytes]</c>; null for none.</param>
    /// <param name="input">Values that "input" points at.</param>
    /// <param name="outputs">How many values "output" points at.</param>
    /// <param name="order">Order of warps.</param>
    /// <param name="perturbation">Seed of the errors of approximate instructions; 0 for none.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block in three dimensions, instead of <paramref name="threads"/>.</param>
    /// <returns>The values of "output". Those that nobody wrote are 0.</returns>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public static TOut[] Run<TIn, TOut>(string body, int threads, string? shared, TIn[] input, int outputs, ulong order = 0, ulong perturbation = 0, Extent? grid = null, Extent? block = null)
        where TIn : unmanaged where TOut : unmanaged
    {
        nuint bytes = (nuint)(sizeof(TIn) * input.Length), outBytes = (nuint)(sizeof(TOut) * outputs);
        byte* from = (byte*)NativeMemory.AlignedAlloc(Math.Max(16, bytes), 128), to = (byte*)NativeMemory.AlignedAlloc(Math.Max(16, outBytes), 128);
        try
        {
            input.CopyTo(new Span<TIn>(from, input.Length));
            new Span<TOut>(to, outputs).Clear();
            var memory = new DeviceMemory();
            memory.Update([.. new[] { ((ulong)from, (ulong)bytes), ((ulong)to, (ulong)outBytes) }.OrderBy(static region => region.Item1)]);
            byte[] arguments = [.. BitConverter.GetBytes((ulong)from), .. BitConverter.GetBytes((ulong)to), .. Pattern];
            var kernel = new PtxUnit(TextOf(body, shared)).Find("small");
            new Launch(kernel, arguments, grid ?? new Extent(1, 1, 1), block ?? new Extent(threads, 1, 1), 0, memory, FirstBlock: 1, order, perturbation).Run();
            return new ReadOnlySpan<TOut>(to, outputs).ToArray();
        }
        finally
        {
            NativeMemory.AlignedFree(from);
            NativeMemory.AlignedFree(to);
        }
    }

    /// <summary>The unit that has the kernel.</summary>
    public static string TextOf(string body, string? shared = null) => $$"""
        .version 8.4
        .target sm_80
        .address_size 64
        .const .align 16 .b8 table[64] = {{{string.Join(", ", Pattern)}}};
        .visible .entry small(
            .param .u64 input,
            .param .u64 output,
            .param .align 16 .b8 block[64]
        )
        {
            .reg .pred %p<20>;
            .reg .b16 %rs<20>;
            .reg .b32 %r<20>;
            .reg .b64 %rd<20>;
            .reg .f32 %f<20>;
            .reg .f64 %fd<20>;
        {{(shared is null ? "" : $".shared .align 16 .b8 {shared};")}}
        {{body}}
        }
        """;

    /// <summary>The mistake that a kernel makes; empty if it makes none.</summary>
    public static string ProblemOf<TIn>(string body, int threads, string? shared, TIn[] input, int outputs = 0, Extent? grid = null) where TIn : unmanaged
    {
        try
        {
            Run<TIn, byte>(body, threads, shared, input, outputs, grid: grid);
            return "";
        }
        catch (FaultException e)
        {
            return e.Message;
        }
    }
}
