using System.Runtime.InteropServices;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Tests;

/// <summary>
/// Runs PTX of a test, without a driver. It has registers %p, %rs, %r, %rd, %f and %fd, and the parameters "input" and
/// "output", which are addresses.
/// </summary>
internal static unsafe class SmallKernel
{
    /// <summary>Runs one block.</summary>
    /// <param name="body">The instructions, one a line.</param>
    /// <param name="threads">Threads of the block.</param>
    /// <param name="shared">A variable in shared memory, as <c>name[bytes]</c>; null for none.</param>
    /// <param name="input">Values that "input" points at.</param>
    /// <param name="outputs">How many values "output" points at.</param>
    /// <param name="order">Order of warps.</param>
    /// <param name="perturbation">Seed of the errors of approximate instructions; 0 for none.</param>
    /// <returns>The values of "output".</returns>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public static TOut[] Run<TIn, TOut>(string body, int threads, string? shared, TIn[] input, int outputs, ulong order = 0, ulong perturbation = 0)
        where TIn : unmanaged where TOut : unmanaged
    {
        string text = $$"""
            .version 8.4
            .target sm_80
            .address_size 64
            .visible .entry small(
                .param .u64 input,
                .param .u64 output
            )
            {
                .reg .pred %p<9>;
                .reg .b16 %rs<9>;
                .reg .b32 %r<20>;
                .reg .b64 %rd<9>;
                .reg .f32 %f<20>;
                .reg .f64 %fd<9>;
            {{(shared is null ? "" : $".shared .align 16 .b8 {shared};")}}
            {{body}}
            }
            """;
        nuint bytes = (nuint)Math.Max(16, sizeof(TIn) * input.Length), outBytes = (nuint)Math.Max(16, sizeof(TOut) * outputs);
        byte* from = (byte*)NativeMemory.AlignedAlloc(bytes, 128), to = (byte*)NativeMemory.AlignedAlloc(outBytes, 128);
        try
        {
            input.CopyTo(new Span<TIn>(from, input.Length));
            var memory = new DeviceMemory();
            memory.Update([.. new[] { ((ulong)from, (ulong)bytes), ((ulong)to, (ulong)outBytes) }.OrderBy(static region => region.Item1)]);
            byte[] arguments = [.. BitConverter.GetBytes((ulong)from), .. BitConverter.GetBytes((ulong)to)];
            new Launch(new PtxUnit(text).Find("small"), arguments, new Extent(1, 1, 1), new Extent(threads, 1, 1), 0, memory, FirstBlock: 1, order, perturbation).Run();
            return new ReadOnlySpan<TOut>(to, outputs).ToArray();
        }
        finally
        {
            NativeMemory.AlignedFree(from);
            NativeMemory.AlignedFree(to);
        }
    }

    /// <summary>The mistake that a kernel makes; empty if it makes none.</summary>
    public static string ProblemOf<TIn>(string body, int threads, string? shared, TIn[] input) where TIn : unmanaged
    {
        try
        {
            Run<TIn, byte>(body, threads, shared, input, 0);
            return "";
        }
        catch (FaultException e)
        {
            return e.Message;
        }
    }
}
